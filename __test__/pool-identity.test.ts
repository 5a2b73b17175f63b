import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { NotAPoolFileError } from '../src/errors.ts';
import { openPool } from '../src/pool/open-pool.ts';
import { readPool } from '../src/pool/read-pool.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { bytesOf } from './helpers/diag-records.ts';
import { namespacesMissing } from './helpers/namespaces.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { onBuilt, ROOT } from './helpers/programs.ts';
import { FORMS, run } from './helpers/store-forms.ts';
import { straceMissing, traced } from './helpers/strace.ts';

/** A folder `hyperv` with a pool to which a layer writes. */
function setUp(t: ExecutionContext) {
  const folder = join(folderOf(t), 'hyperv');
  mkdirSync(folder);
  const path = join(folder, '.kvp_pool_1');
  const problems: Error[] = [];
  const layer = new EmitKVPLayer({ path, vmId: 'vm', onProblem: (problem) => problems.push(problem) });
  const registry = new Registry().with(layer);
  t.teardown(() => registry.shutdown({ timeout: 0 }));
  const info = async (message: string) => {
    withDefault(registry, () => target('t').info(message));
    return layer.flush({ timeout: 60_000 });
  };
  return { folder, path, problems, layer, registry, info };
}

const messages = (path: string) =>
  readPool(path).map(({ value }) => /"message":"([^"]*)"/.exec(value)?.[1] ?? value);

/** What somebody does to the pool while a program writes to it. */
const MOVES: Record<string, (path: string, folder: string) => void> = {
  'renamed away': (path) => renameSync(path, `${path}.1`),
  deleted: (path) => rmSync(path),
  'deleted and made anew': (path) => {
    rmSync(path);
    writeFileSync(path, '');
  },
  'replaced by another pool': (path) => {
    writeFileSync(`${path}.new`, bytesOf(['other', '{"message":"other"}']));
    renameSync(`${path}.new`, path);
  },
  'replaced with its folder': (path, folder) => {
    renameSync(folder, `${folder}.old`);
    mkdirSync(folder);
    writeFileSync(path, bytesOf(['other', '{"message":"other"}']));
  },
};

for (const [what, move] of Object.entries(MOVES)) {
  test(`records go to where the path leads, and those of before count as missing: ${what}`, async (t) => {
    const { folder, path, layer, problems, info } = setUp(t);
    t.like(await info('before'), { complete: true, problems: [] });
    move(path, folder);
    const there = existsSync(path) ? messages(path) : [];
    const outcome = await info('after');
    t.deepEqual(messages(path), [...there, 'after']);
    t.like(layer.stats(), { written: 2, missing: 1, dropped: {} });
    t.false(outcome.complete);
    t.regex(
      outcome.problems[0]!.message,
      /^1 record is gone from the pool: it was deleted, cleared, renamed/,
    );
    t.deepEqual(await info('later'), { complete: true, dropped: 0, problems: [] });
    t.deepEqual(messages(path), [...there, 'after', 'later']);
    t.is(problems.length, 1);
  });

  test(`a flush with nothing to write notices it too: ${what}`, async (t) => {
    const { folder, path, layer, info } = setUp(t);
    await info('before');
    move(path, folder);
    t.like(await layer.flush({ timeout: 60_000 }), { complete: false, problems: { length: 1 } });
    t.like(layer.stats(), { written: 1, missing: 1 });
    t.like(await layer.flush({ timeout: 60_000 }), { complete: true });
  });

  test(`a shutdown with nothing to write notices it too: ${what}`, async (t) => {
    const { folder, path, registry, problems, info } = setUp(t);
    await info('before');
    move(path, folder);
    t.like(await registry.shutdown({ timeout: 60_000 }), { complete: false });
    t.is(problems.length, 1);
  });

  for (const form of FORMS) {
    test(`a store appends where it reads: ${what} (${form})`, async (t) => {
      const { folder, path } = setUp(t);
      using store = openPool(path);
      await run(store, form, 'append', 'a', '1');
      move(path, folder);
      const there = existsSync(path) ? readPool(path) : [];
      await run(store, form, 'append', 'b', '2');
      t.is(await run(store, form, 'get', 'b'), '2');
      t.deepEqual(readPool(path), [...there, { key: 'b', value: '2' }]);
    });
  }
}

test('a pool that was renamed and came back is written to again', async (t) => {
  const { path, layer, info } = setUp(t);
  await info('1');
  renameSync(path, `${path}.1`);
  await info('2');
  renameSync(`${path}.1`, path);
  await info('3');
  t.deepEqual(messages(path), ['1', '3']);
  t.is(layer.stats().missing, 2);
});

test('a copy that was made before the last records has lost no others', async (t) => {
  const { path, layer, info } = setUp(t);
  for (let i = 0; i < 20; i++) await info(`${i}`);
  copyFileSync(path, `${path}.new`);
  for (let i = 20; i < 23; i++) await info(`${i}`);
  renameSync(`${path}.new`, path);
  t.false((await info('next')).complete);
  t.is(layer.stats().missing, 3);
  t.is(messages(path).length, 21);
});

test('a program that rewrites the pool without the last records, and adds its own, has taken them away', async (t) => {
  const { path, layer, info } = setUp(t);
  await info('1');
  const before = readFileSync(path);
  await info('2');
  writeFileSync(path, Buffer.concat([before, bytesOf(['other', '1'], ['other', '2'])]));
  const { complete, problems } = await layer.flush();
  t.false(complete);
  t.regex(problems[0]?.message ?? '', /^1 record is gone from the pool/);
  t.true((await info('3')).complete);
  t.is(layer.stats().missing, 1);
});

test('a program that takes away records of others has taken away none of ours', async (t) => {
  const { path, layer, info } = setUp(t);
  writeFileSync(path, bytesOf(['other', '1']));
  await info('1');
  const others = bytesOf(['other', '2'], ['other', '3']);
  writeFileSync(path, Buffer.concat([readFileSync(path).subarray(others.length / 2), others]));
  t.true((await layer.flush()).complete);
  await info('2');
  t.is(layer.stats().missing, 0);
});

test('a pool that was away between two batches has lost nothing', async (t) => {
  const { path, layer, info } = setUp(t);
  await info('1');
  renameSync(path, `${path}.1`);
  renameSync(`${path}.1`, path);
  t.like(await info('2'), { complete: true, problems: [] });
  t.deepEqual(messages(path), ['1', '2']);
  t.is(layer.stats().missing, 0);
});

test('a program that changes a copy of the pool and renames it has taken nothing away', async (t) => {
  const { path, layer, info } = setUp(t);
  await info('1');
  copyFileSync(path, `${path}.new`);
  openPool(`${path}.new`).appendSync('theirs', 'theirs');
  renameSync(`${path}.new`, path);
  t.like(await info('2'), { complete: true, problems: [] });
  t.deepEqual(messages(path), ['1', 'theirs', '2']);
  t.is(layer.stats().missing, 0);
});

test('a link in the path that leads to another folder now is followed', async (t) => {
  const folder = folderOf(t);
  for (const name of ['one', 'two']) mkdirSync(join(folder, name));
  const link = join(folder, 'hyperv');
  symlinkSync('one', link);
  const layer = new EmitKVPLayer({ path: join(link, 'pool'), vmId: 'vm', onProblem: () => {} });
  const registry = new Registry().with(layer);
  const info = async (message: string) => {
    withDefault(registry, () => target('t').info(message));
    await layer.flush({ timeout: 60_000 });
  };
  await info('1');
  rmSync(link);
  symlinkSync('two', link);
  await info('2');
  t.deepEqual(messages(join(folder, 'one', 'pool')), ['1']);
  t.deepEqual(messages(join(folder, 'two', 'pool')), ['2']);
  t.is(layer.stats().missing, 1);
  await registry.shutdown();
});

/** What is no pool, and how it goes away again. */
const OBSTACLES: Record<string, [put: (path: string) => void, found: string]> = {
  'a directory': [(path) => mkdirSync(path), 'a directory'],
  'a link': [(path) => symlinkSync('/etc/passwd', path), 'a symbolic link'],
  'a FIFO': [(path) => execFileSync('mkfifo', [path]), 'a FIFO'],
};

for (const [what, [put, found]] of Object.entries(OBSTACLES)) {
  test.serial(
    `what lies in the place of the pool is said, waited out and never written to: ${what}`,
    async (t) => {
      const { path, layer, problems, info } = setUp(t);
      await info('1');
      rmSync(path);
      put(path);
      withDefault(new Registry().with(layer), () => target('t').info('2'));
      const outcome = await layer.flush({ timeout: 3000 });
      t.false(outcome.complete);
      t.true(outcome.problems.some((problem) => problem instanceof NotAPoolFileError));
      const text = `is ${found}; a pool is a regular file. Give the path of one`;
      t.is(problems.filter(({ message }) => message.endsWith(text)).length, 1);
      t.throws(() => openPool(path).appendSync('a', '1'), { instanceOf: NotAPoolFileError });
      if (found === 'a directory') rmdirSync(path);
      else rmSync(path);
      await info('3');
      t.deepEqual(messages(path), ['2', '3']);
      t.like(layer.stats(), { written: 3, missing: 1, dropped: {} });
    },
  );
}

/** Writes, lets the folder be mounted over, as a late `/var` is, and writes again. */
const MOUNTED = `
import { execFileSync } from 'node:child_process';
import { EmitKVPLayer, openPool, Registry, setGlobalDefault, target } from 'kvp-tracing';
const [folder, late] = process.argv.slice(1);
const path = folder + '/.kvp_pool_1';
const layer = new EmitKVPLayer({ path, vmId: 'vm', onProblem: () => {} });
setGlobalDefault(new Registry().with(layer));
const store = openPool(path);
target('t').info('early');
await layer.flush();
store.appendSync('early', 'early');
execFileSync('mount', ['--bind', late, folder]);
const first = await layer.flush();
target('t').info('late');
store.appendSync('late', 'late');
const second = await layer.flush();
console.log(JSON.stringify([first.complete, second.complete, layer.stats().missing, store.getSync('late')]));
`;

test('records go to the folder that was mounted over the first one', (t) => {
  if (!has(t, namespacesMissing)) return;
  const root = folderOf(t);
  const [folder, late] = [join(root, 'hyperv'), join(root, 'late')];
  mkdirSync(folder);
  mkdirSync(late);
  const old = bytesOf(['old', 'old'], ['older', 'older']);
  writeFileSync(join(late, '.kvp_pool_1'), old);
  const { stdout, stderr } = spawnSync(
    'unshare',
    ['--mount', process.execPath, ...onBuilt(MOUNTED, folder, late)],
    { cwd: ROOT, encoding: 'utf8' },
  );
  t.is(stdout, '[false,true,1,"late"]\n', stderr);
  t.deepEqual(messages(join(folder, '.kvp_pool_1')), ['early', 'early']);
  t.deepEqual(messages(join(late, '.kvp_pool_1')).sort(), ['late', 'late', 'old', 'older']);
});

const BATCHES = 20;
const WRITER = `
import { EmitKVPLayer, Registry, setGlobalDefault, target } from 'kvp-tracing';
const [path] = process.argv.slice(1);
const layer = new EmitKVPLayer({ path, vmId: 'vm', durability: 'write-through' });
setGlobalDefault(new Registry().with(layer));
for (let i = 0; i < ${BATCHES}; i++) target('t').info({ i }, 'x');
`;

test('the path is looked at once for each batch', async (t) => {
  if (!has(t, straceMissing)) return;
  const path = join(folderOf(t), 'pool');
  const { calls } = await traced(t, { strace: ['-P', path], source: WRITER, args: [path] });
  const looks = calls.filter(({ name, text }) => text.includes(`"${path}"`) && !name.startsWith('open'));
  t.is(readFileSync(path).length, BATCHES * 2560);
  t.true(looks.length >= BATCHES && looks.length <= BATCHES + 8, looks.map(({ text }) => text).join('\n'));
});
