import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { LockTimeoutError, MalformedPoolError, NoLockError } from '../src/errors.ts';
import { chooseBackend } from '../src/pool/binding.ts';
import { call } from '../src/pool/op.ts';
import { openPool } from '../src/pool/open-pool.ts';
import { PoolStore } from '../src/pool/pool-store.ts';
import type { StoreBackend } from '../src/pool/store-backend.ts';
import { bytesOf } from './helpers/diag-records.ts';
import { tornRecord } from './helpers/golden-store.ts';
import { flockMissing, holdLock, pythonMissing } from './helpers/lock-holder.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';
import { FORMS, type Form, run } from './helpers/store-forms.ts';

const isNative = chooseBackend() === 'native';
const records = [{ key: 'a', value: '1' }];

type Act = (store: PoolStore, form: Form) => Promise<unknown>;

/** What takes a lock on both backends. */
const CHANGES: Record<string, Act> = {
  set: (store, form) => run(store, form, 'set', 'a', '2'),
  delete: (store, form) => run(store, form, 'delete', 'a'),
  load: (store, form) => run(store, form, 'load', []),
  clear: (store, form) => run(store, form, 'clear'),
  clearIfStale: (store, form) => run(store, form, 'clearIfStale'),
  repair: (store, form) => run(store, form, 'repair'),
};
/** What takes one in the native core only: the fallback appends by one write, and looks twice. */
const APPEND: Record<string, Act> = { append: (store, form) => run(store, form, 'append', 'b', '2') };
const READS: Record<string, Act> = {
  dump: (store, form) => run(store, form, 'dump'),
  get: (store, form) => run(store, form, 'get', 'a'),
  entries: (store, form) => run(store, form, 'entries'),
  inspect: (store, form) => run(store, form, 'inspect'),
};

function fileOf(path: string): Buffer {
  const bytes = bytesOf(['a', '1']);
  writeFileSync(path, bytes);
  return bytes;
}

for (const form of FORMS) {
  for (const kind of ['flock', 'fcntl'] as const) {
    test(`somebody's ${kind} is waited for as long as lockTimeout says (${form})`, async (t) => {
      if (!has(t, flockMissing ?? pythonMissing)) return;
      if (kind === 'fcntl' && !isNative) return t.pass();
      const path = poolOf(t);
      const before = fileOf(path);
      await holdLock(t, kind, path);
      const store = openPool(path, { lockTimeout: 40.25 });
      const acts = isNative ? { ...CHANGES, ...APPEND, ...READS } : CHANGES;
      for (const [name, act] of Object.entries(acts)) {
        const began = performance.now();
        const error = await t.throwsAsync(act(store, form), { instanceOf: LockTimeoutError }, name);
        t.true(performance.now() - began >= 40, name);
        t.like(error, {
          code: 'ERR_KVP_LOCK_TIMEOUT',
          message: `another process kept ${path} locked for 40 ms (lockTimeout). Try again or raise it; kvp doctor says who holds the lock`,
          path,
        });
      }
      t.deepEqual(readFileSync(path), before);
      t.deepEqual(await run(openPool(path, { lockTimeout: 0, readOnly: true }), form, 'dump'), records);
      const once = openPool(path, { lockTimeout: 0 });
      await t.throwsAsync(run(once, form, 'clear'), { message: /for 0 ms/ });
    });
  }

  test(`a lock that is given back in time was only waited for (${form})`, async (t) => {
    if (!has(t, flockMissing)) return;
    const path = poolOf(t);
    fileOf(path);
    // In the sync form nothing here could tell it to let go.
    const holder = spawnSync('sh', ['-c', 'flock -x "$0" sleep 0.3 >&- 2>&- & sleep 0.1', path]);
    t.is(holder.status, 0);
    await run(openPool(path, { lockTimeout: 60_000 }), form, 'set', 'a', '2');
    t.deepEqual(readFileSync(path), bytesOf(['a', '2']));
  });

  test(`readers keep writers out and not each other (${form})`, async (t) => {
    if (!has(t, flockMissing)) return;
    const path = poolOf(t);
    fileOf(path);
    await holdLock(t, 'shared flock', path);
    const store = openPool(path, { lockTimeout: 20 });
    t.deepEqual(await run(store, form, 'dump'), records);
    await t.throwsAsync(run(store, form, 'set', 'a', '2'), { instanceOf: LockTimeoutError });
  });

  test(`a tail off the records' boundaries is cut once it stayed as it is (${form})`, async (t) => {
    const path = poolOf(t);
    writeFileSync(path, tornRecord(1000));
    const message = `${path} ends in the middle of a record and did not stay as it was for 300 ms within 0 ms (lockTimeout). Try again or raise it`;
    const store = openPool(path, { lockTimeout: 0 });
    // One look never tells.
    for (const [each, act] of [
      [store, APPEND['append']!],
      [openPool(path, { lockTimeout: 0 }), CHANGES['set']!],
    ] as const) {
      const error = await t.throwsAsync(act(each, form), { instanceOf: MalformedPoolError });
      t.like(error, { code: 'ERR_KVP_MALFORMED_POOL', message, path });
    }
    await sleep(310);
    // It remembers since when it has seen this tail.
    await run(store, form, 'append', 'a', '1');
    t.deepEqual(readFileSync(path), bytesOf(['a', '1']));
  });
}

test.serial(
  'whoever stopped half-way through an append has 300 ms to go on before the tail is cut',
  async (t) => {
    const path = poolOf(t);
    const whole = bytesOf(['slow', 'v']);
    writeFileSync(path, whole.subarray(0, 1000));
    const store = openPool(path, { lockTimeout: 60_000 });
    const began = performance.now();
    await store.append('a', '1');
    const waited = performance.now() - began;
    t.true(waited >= 300 && waited < 5000, `${waited} ms`);
    t.deepEqual(readFileSync(path), bytesOf(['a', '1']));

    // What goes on is waited for anew.
    const slow = poolOf(t);
    writeFileSync(slow, whole.subarray(0, 1000));
    const appended = openPool(slow, { lockTimeout: 60_000 }).append('a', '1');
    await sleep(100);
    appendFileSync(slow, whole.subarray(1000));
    await appended;
    t.deepEqual(readFileSync(slow), bytesOf(['slow', 'v'], ['a', '1']));
  },
);

for (const form of FORMS) {
  test.serial(`a lock that is held for long is looked at every 20 ms (${form})`, async (t) => {
    const looks: number[] = [];
    // A lock that is free at the 15th look: after eight pauses from 0.1 to 12.8 ms and six of the longest.
    const look = () => (looks.push(performance.now()) < 15 ? 'busy' : { done: true });
    const clear = () => call(look, async () => look());
    const store = new PoolStore('pool', { clear } as unknown as StoreBackend, { lockTimeout: 60_000 });
    await run(store, form, 'clear');
    const pauses = looks.slice(1).map((look, index) => look - looks[index]!);
    const longest = Math.min(...pauses.slice(-4));
    t.true(longest > 18 && longest < 40, `${pauses}`);
    t.true(Math.min(...pauses.slice(0, 8)) < 18, `${pauses}`);
  });
}

test('how many records there are is told while somebody holds the lock', async (t) => {
  if (!has(t, flockMissing)) return;
  const path = poolOf(t);
  fileOf(path);
  await holdLock(t, 'flock', path);
  const store = openPool(path, { lockTimeout: 0 });
  t.is(store.size, 1);
  t.throws(() => store.clearSync(), { code: 'ERR_KVP_LOCK_TIMEOUT' });
});

test('eight that wait for a lock keep neither the event loop nor the files of the program waiting', async (t) => {
  if (!has(t, flockMissing)) return;
  const path = poolOf(t);
  fileOf(path);
  const release = await holdLock(t, 'flock', path);
  let settled = 0;
  const waiting = Array.from({ length: 8 }, async (_, i) => {
    await openPool(path, { lockTimeout: 60_000 }).set(`key ${i}`, 'v');
    settled++;
  });
  await sleep(100);
  for (let round = 0; round < 5; round++) {
    t.is((await readFile(path)).length, 2560);
    await sleep(1);
  }
  t.is(settled, 0);
  await release();
  await Promise.all(waiting);
  t.is(openPool(path).size, 9);
});

test('calls that nobody awaited happen in their order, whatever becomes of one', async (t) => {
  const path = poolOf(t);
  const store = openPool(path, { maxKeys: 2 });
  const outcomes = Promise.allSettled([
    store.append('a', '1'),
    store.set('b', '1'),
    store.dump(),
    store.set('c', 'one too many'),
    store.delete('a'),
    store.set('c', '1'),
    store.entries(),
    store.load([{ key: 'd', value: '1' }]),
    store.get('d'),
    store.clear(),
    store.append([{ key: 'e', value: '1' }]),
  ]);
  store.close();
  const found = (await outcomes).map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value : (outcome.reason as { code: string }).code,
  );
  t.deepEqual(found, [
    undefined,
    undefined,
    [
      { key: 'a', value: '1' },
      { key: 'b', value: '1' },
    ],
    'ERR_KVP_POOL_FULL',
    1,
    undefined,
    new Map([
      ['b', '1'],
      ['c', '1'],
    ]),
    undefined,
    '1',
    undefined,
    undefined,
  ]);
  t.deepEqual(readFileSync(path), bytesOf(['e', '1']));
});

test('no descriptor stays open after a close, also where operations of both forms met', async (t) => {
  const folder = folderOf(t);
  const open = () =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
      } catch {
        return false;
      }
    });
  for (let turns = 0; turns < 8; turns++) {
    const store = openPool(join(folder, `pool ${turns}`));
    const later = store.append('a', '1');
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    store.appendSync('b', '2');
    store.close();
    await later;
    await sleep(1);
    t.deepEqual(open(), []);
  }
});

test('what an operation read is not kept', async (t) => {
  const store = openPool(poolOf(t));
  await store.load(Array.from({ length: 1000 }, (_, i) => ({ key: `${i}`, value: 'v' })));
  const first = async () => {
    for await (const { rawKey } of store.records({ raw: true })) return new WeakRef(rawKey!.buffer);
    return undefined;
  };
  const memory = await first();
  await sleep(10);
  globalThis.gc!();
  t.is(memory?.deref(), undefined);
});

test('two programs that set keys at once lose none of them', async (t) => {
  if (!has(t, flockMissing)) return;
  const folder = folderOf(t);
  const path = join(folder, 'pool');
  const source = `
    import { openPool } from 'kvp-tracing';
    const [name, path] = process.argv.slice(2);
    const store = openPool(path, { lockTimeout: 60_000 });
    for (let i = 0; i < 20; i++) {
      store.setSync('of both', name + i);
      await store.set(name + i, 'v');
      store.appendSync('gone', name);
      await store.delete('gone');
    }`;
  const programs = ['x', 'y'].map((name) => ended(start({ source, folder }, [name, path])));
  for (const { code, stderr } of await Promise.all(programs)) t.is(code, 0, stderr);
  const store = openPool(path);
  const expected = ['of both', ...Array.from({ length: 20 }, (_, i) => [`x${i}`, `y${i}`]).flat()];
  t.deepEqual(
    store
      .dumpSync()
      .map(({ key }) => key)
      .sort(),
    expected.sort(),
  );
});

test.serial(
  'without the program flock the fallback reads and appends, and says what it can not',
  async (t) => {
    if (isNative) return t.pass();
    const path = poolOf(t);
    const before = fileOf(path);
    const programs = folderOf(t);
    const { PATH } = process.env;
    t.teardown(() => (process.env['PATH'] = PATH));
    const cases: [program: string | undefined, why: string][] = [
      [undefined, 'can not be run (Debian: apt-get install util-linux)'],
      ['#!/bin/sh\nexit 71\n', 'failed with status 71; the file system may have no locks'],
      ['#!/bin/sh\nexit 65\n', 'failed with status 65; the file system may have no locks'],
      ['#!/bin/sh\nexit 64\n', 'failed with status 64'],
      ['#!/bin/sh\nkill -SEGV $$\n', 'was ended by SIGSEGV'],
    ];
    for (const [program, why] of cases) {
      process.env['PATH'] = programs;
      if (program !== undefined) writeFileSync(join(programs, 'flock'), program, { mode: 0o755 });
      const store = openPool(path);
      for (const form of FORMS) {
        for (const [name, act] of Object.entries(CHANGES)) {
          const error = await t.throwsAsync(act(store, form), { instanceOf: NoLockError }, name);
          t.like(error, {
            code: 'ERR_KVP_NO_LOCK',
            message: `cutting a pool needs a lock and the program flock ${why}`,
            path,
          });
        }
        t.deepEqual(readFileSync(path), before);
        for (const act of Object.values(READS)) await act(store, form);
        const added = join(folderOf(t), 'pool');
        await run(openPool(added), form, 'append', 'a', '1');
        t.deepEqual(readFileSync(added), before);
      }
      process.env['PATH'] = PATH;
    }
  },
);

for (const signal of ['ABRT', 'BUS', 'FPE', 'ILL', 'SEGV', 'SYS', 'TRAP']) {
  test.serial(`a program flock that crashes can not run here: SIG${signal}`, (t) => {
    if (isNative) return t.pass();
    const programs = folderOf(t);
    const { PATH } = process.env;
    t.teardown(() => (process.env['PATH'] = PATH));
    writeFileSync(join(programs, 'flock'), `#!/bin/sh\nkill -${signal} $$\n`, { mode: 0o755 });
    process.env['PATH'] = `${programs}:${PATH}`;
    const path = poolOf(t);
    fileOf(path);
    const error = t.throws(() => openPool(path).deleteSync('a'), { instanceOf: NoLockError });
    t.regex(error.message, new RegExp(`the program flock was ended by SIG${signal}`));
  });
}

for (const signal of ['KILL', 'TERM', 'INT', 'USR1']) {
  test.serial(`a program flock that somebody ends is run again: SIG${signal}`, async (t) => {
    if (isNative) return t.pass();
    if (!has(t, flockMissing)) return;
    const programs = folderOf(t);
    const { PATH } = process.env;
    t.teardown(() => (process.env['PATH'] = PATH));
    const ended = join(programs, 'ended');
    const script = `#!/bin/sh\n[ -e ${ended} ] && exec env PATH="${PATH}" flock "$@"\n: > ${ended}\nkill -${signal} $$\n`;
    writeFileSync(join(programs, 'flock'), script, { mode: 0o755 });
    process.env['PATH'] = `${programs}:${PATH}`;
    for (const form of FORMS) {
      rmSync(ended, { force: true });
      const path = poolOf(t);
      const store = openPool(path);
      await run(store, form, 'append', 'a', '1');
      t.true(existsSync(ended));
      rmSync(ended);
      await run(store, form, 'set', 'a', '2');
      t.true(existsSync(ended));
      t.deepEqual(store.dumpSync(), [{ key: 'a', value: '2' }]);
    }
  });
}
