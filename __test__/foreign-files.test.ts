import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { NotAPoolFileError } from '../src/errors.ts';
import { initializeTracing } from '../src/index.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { RECORD_SIZE } from '../src/pool/limits.ts';
import { openPool } from '../src/pool/open-pool.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { bytesOf } from './helpers/diag-records.ts';
import { tornRecord } from './helpers/golden-store.ts';
import { daemonMissing, HypervHost } from './helpers/hyperv-host.ts';
import { flockMissing } from './helpers/lock-holder.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';
import { FORMS, run } from './helpers/store-forms.ts';

const passwd = readFileSync('/etc/passwd');
// Not the one that runs this: a Node.js that was made for another C library may begin with a page of NULs.
const program = readFileSync('/bin/sh').subarray(0, 50 * RECORD_SIZE);
const record = bytesOf(['key', 'value']);

/** The bytes, repeated up to a size. */
const filled = (bytes: Buffer, size: number) => Buffer.alloc(size, bytes);
const tar = (folder: string): Buffer => {
  writeFileSync(join(folder, 'file'), passwd);
  return execFileSync('tar', ['-cf', '-', '-C', folder, 'file']);
};

/** Files that are no pools, of every kind. */
const FOREIGN: Record<string, Buffer | ((folder: string) => Buffer)> = {
  'a copy of /etc/passwd': passwd,
  'text of exactly two records': filled(passwd, 2 * RECORD_SIZE),
  'text with a torn record in its length': filled(passwd, 3 * RECORD_SIZE + 700),
  'a short text': Buffer.from('hostname\n'),
  'a short text without a line break': Buffer.from('a-secret-token'),
  'text of one long line': Buffer.alloc(2 * RECORD_SIZE, 'x'),
  'text whose lines end in NULs': Buffer.from('PATH=/bin\0HOME=/root\0TERM=linux\0'.repeat(200)),
  'text in UTF-16': Buffer.from('hello world\r\n'.repeat(300), 'utf16le'),
  'a program': program,
  'the head of a program': program.subarray(0, 1000),
  'an archive of tar': tar,
  'a compressed file': gzipSync(passwd),
  'nothing but NULs': Buffer.alloc(4 * RECORD_SIZE),
  'a few NULs': Buffer.alloc(100),
  'NULs and then text': Buffer.concat([Buffer.alloc(RECORD_SIZE), filled(passwd, RECORD_SIZE)]),
  'a record and then text': Buffer.concat([record, filled(passwd, 2 * RECORD_SIZE)]),
  'a record and a line': Buffer.concat([record, Buffer.from('a line\n')]),
  'a record and half a page of text': Buffer.concat([record, Buffer.alloc(2000, 'words ')]),
  'a record and then a program': Buffer.concat([record, program]),
  'many records and then text': Buffer.concat([
    filled(record, 200 * RECORD_SIZE),
    filled(passwd, RECORD_SIZE),
  ]),
};

function foreignFile(t: ExecutionContext, content: Buffer | ((folder: string) => Buffer)) {
  const path = poolOf(t);
  const bytes = typeof content === 'function' ? content(folderOf(t)) : content;
  writeFileSync(path, bytes);
  return { path, bytes };
}

for (const [what, content] of Object.entries(FOREIGN)) {
  test(`no operation changes a file that is no pool: ${what}`, async (t) => {
    if (!has(t, flockMissing)) return;
    const { path, bytes } = foreignFile(t, content);
    utimesSync(path, 1, 1);
    for (const [form, dryRun] of FORMS.flatMap((each) => [[each, false] as const, [each, true] as const])) {
      using store = openPool(path, { dryRun });
      for (const act of [
        () => run(store, form, 'append', 'k', 'v'),
        () => run(store, form, 'set', 'k', 'v'),
        () => run(store, form, 'load', []),
        () => run(store, form, 'clear'),
        () => run(store, form, 'clearIfStale'),
        // These would wait for a torn tail first.
        ...(bytes.length % RECORD_SIZE === 0 || form === 'async' || dryRun
          ? [() => run(store, form, 'delete', 'k'), () => run(store, form, 'repair')]
          : []),
      ]) {
        const error = await t.throwsAsync(act(), { instanceOf: NotAPoolFileError });
        t.like(error, { code: 'ERR_KVP_NOT_A_POOL_FILE', path });
        t.regex(
          error.message,
          /is no pool: there is no record at byte \d+; nothing in it was changed\. Give another path, or move the file away$/,
        );
      }
    }
    for (const clearStale of [true, false]) {
      t.throws(() => new EmitKVPLayer({ path, vmId: 'vm', clearStale }), { instanceOf: NotAPoolFileError });
    }
    t.true(readFileSync(path).equals(bytes));
  });
}

test.serial('a hard link does not lead clearStale to the file of somebody else', async (t) => {
  const folder = folderOf(t);
  const [theirs, path] = [join(folder, 'theirs'), join(folder, 'pool')];
  copyFileSync('/etc/passwd', theirs);
  utimesSync(theirs, 1, 1);
  linkSync(theirs, path);
  const problems: Error[] = [];
  const tracing = await initializeTracing({
    kvp: { path, clearStale: true },
    stderr: false,
    onProblem: (problem) => problems.push(problem),
  });
  target('t').info('text');
  await tracing.flush();
  await tracing.shutdown();
  t.true(readFileSync(theirs).equals(passwd));
  t.is(problems.filter(({ message }) => message.includes('there is no record at byte 0')).length, 1);
});

test.serial(
  'what comes to lie where the pool was is not written to, and the records count as lost',
  async (t) => {
    const path = poolOf(t);
    const problems: Error[] = [];
    const layer = new EmitKVPLayer({ path, vmId: 'vm', onProblem: (problem) => problems.push(problem) });
    const registry = new Registry().with(layer);
    const info = (message: string) => withDefault(registry, () => target('t').info(message));
    info('first');
    t.like(await layer.flush({ timeout: 60_000 }), { complete: true });
    writeFileSync(path, passwd);
    info('second');
    info('third');
    const outcome = await layer.flush({ timeout: 3000 });
    t.false(outcome.complete);
    t.true(outcome.problems.some((problem) => problem instanceof NotAPoolFileError));
    await registry.shutdown({ timeout: 3000 });
    t.true(readFileSync(path).equals(passwd));
    t.like(layer.stats(), { written: 1, dropped: { io: { INFO: 2 } } });
    t.is(problems.filter((problem) => problem instanceof NotAPoolFileError).length, 1);
    t.true(problems.some(({ message }) => message.startsWith('the pool misses 2 records')));
  },
);

test.serial(
  'a program that exits writes nothing to a file that is no pool, and says what it lost',
  async (t) => {
    const source = `
    import { writeFileSync, readFileSync } from 'node:fs';
    import { EmitKVPLayer, Registry, setGlobalDefault, target } from 'kvp-tracing';
    const [path] = process.argv.slice(2);
    setGlobalDefault(new Registry().with(new EmitKVPLayer({ path, vmId: 'vm' })));
    writeFileSync(path, readFileSync('/etc/passwd'));
    target('t').info('text');
    process.exit(7);`;
    const folder = folderOf(t);
    const path = join(folder, 'pool');
    const { code, stderr } = await ended(start({ source, folder }, [path]));
    t.is(code, 7);
    t.true(readFileSync(path).equals(passwd));
    t.is(stderr.split('is no pool: there is no record at byte 0').length, 3, stderr);
    t.regex(stderr, /the pool misses 1 record: 1 INFO \(io\)/);
  },
);

const pieces = (records: number) =>
  filled(bytesOf(['a', 'x'.repeat(1000)], ['b', '\x1b[1m\tline\r\n'.repeat(100)]), records * RECORD_SIZE);

/** What programs and crashes leave of pools. */
const DAMAGED: Record<string, Buffer> = {
  'a torn tail within the key': Buffer.concat([pieces(2), tornRecord(2)]),
  'a torn tail at the end of a block': Buffer.concat([pieces(2), tornRecord(512)]),
  'a torn tail in the value': Buffer.concat([pieces(2), tornRecord(1536)]),
  'nothing but a torn record': tornRecord(1024),
  'a torn record in the middle': Buffer.concat([pieces(1), tornRecord(1536), pieces(3)]),
  'a torn record at the beginning': Buffer.concat([tornRecord(1024), pieces(3)]),
  'an append between two writes of the daemon': Buffer.concat([
    pieces(4).subarray(0, 4096),
    record,
    pieces(4).subarray(4096),
  ]),
  'two torn records': Buffer.concat([pieces(1), tornRecord(1536), pieces(2), tornRecord(1000)]),
  'NULs at the end, as after a power cut': Buffer.concat([pieces(2), Buffer.alloc(4096)]),
  'NULs at the beginning': Buffer.concat([Buffer.alloc(RECORD_SIZE), pieces(2)]),
  'fields without a NUL': bytesOf(['k'.repeat(512), 'v'.repeat(2048)], ['k'.repeat(512), 'v']),
  'an empty key': bytesOf(['a', '1'], ['', 'value'], ['b', '2']),
  'bytes that are no UTF-8': bytesOf([Buffer.from([0xff]), Buffer.from([0xfe])], ['b', '2']),
  'any byte in a value': bytesOf(['a', Buffer.from(Array.from({ length: 255 }, (_, byte) => byte + 1))]),
  'a shorter value over a longer one': bytesOf(['a', 'new\0 value before']),
  'a shorter key over a longer one': bytesOf(['b\0t-name', 'new\0 value before']),
};

for (const [what, bytes] of Object.entries(DAMAGED)) {
  test(`a damaged pool can be written to, repaired and emptied: ${what}`, async (t) => {
    if (!has(t, flockMissing)) return;
    const whole = bytes.subarray(0, bytes.length - (bytes.length % RECORD_SIZE));
    const path = poolOf(t);
    writeFileSync(path, bytes);
    using store = openPool(path, { lockTimeout: 60_000 });
    await store.append('key', 'value');
    t.true(readFileSync(path).equals(Buffer.concat([whole, record])));
    writeFileSync(path, bytes);
    await store.repair();
    t.deepEqual(await store.inspect(), []);
    writeFileSync(path, bytes);
    await store.clear();
    t.is(readFileSync(path).length, 0);
  });
}

test('every pool of another program can be written to, torn at any place', async (t) => {
  if (!has(t, flockMissing)) return;
  const pools = ['samples', 'golden'].flatMap((name) => {
    const fixtures = join('__test__/fixtures', name);
    return readdirSync(fixtures)
      .filter((file) => file.endsWith('.kvp_pool'))
      .map((file) => join(fixtures, file));
  });
  t.true(pools.length >= 7);
  const folder = folderOf(t);
  const writes = pools.flatMap((pool, index) => {
    const bytes = readFileSync(pool);
    // From where the first key has ended.
    return [...Array(8).keys(), 37, 61].map(async (cut) => {
      const size = bytes.length - ((cut * 311) % (bytes.length - RECORD_SIZE));
      const path = join(folder, `${index}-${cut}`);
      writeFileSync(path, bytes.subarray(0, size));
      using store = openPool(path, { lockTimeout: 60_000 });
      await store.append('key', 'value');
      const whole = bytes.subarray(0, size - (size % RECORD_SIZE));
      t.true(readFileSync(path).equals(Buffer.concat([whole, record])), `${pool} ${size}`);
    });
  });
  await Promise.all(writes);
});

test('what the daemon leaves of a pool that a host changes can be changed by us', async (t) => {
  if (!has(t, daemonMissing)) return;
  const folder = folderOf(t);
  const host = await HypervHost.start(folder);
  t.teardown(() => host.stop());
  await host.set(0, 'a-long-key-of-the-first-record', 'a long value');
  await host.set(0, 'a-long-key-of-the-first-record', 'short');
  await host.delete(0, 'a-long-key-of-the-first-record');
  await host.set(0, 'key', 'v');
  await host.set(0, 'k2', 'a long value');
  await host.set(0, 'k2', 'short');
  await host.stop();
  const path = join(folder, '.kvp_pool_0');
  t.true(existsSync(path));
  using store = openPool(path);
  await store.append('ours', 'value');
  t.is(store.size, 3);
  await store.delete('k2');
  await store.clear();
  t.is(store.size, 0);
});

test('a file is looked at in a few places only, whatever its size', async (t) => {
  const path = poolOf(t);
  writeFileSync(path, pieces(3));
  truncateSync(path, 200 * 1024 * 1024 - ((200 * 1024 * 1024) % RECORD_SIZE));
  const began = performance.now();
  openPool(path).appendSync('key', 'value');
  t.true(performance.now() - began < 1000);
  appendFileSync(path, passwd);
  t.throws(() => openPool(path).appendSync('key', 'value'), { instanceOf: NotAPoolFileError });
});
