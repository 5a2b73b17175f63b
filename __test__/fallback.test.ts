import fs, {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import { DiagLayout, diagKeyLayout } from '../src/diagnostics/write/diag-layout.ts';
import { FallbackWriter } from '../src/pool/fallback/fallback-writer.ts';
import { readPool } from '../src/pool/read-pool.ts';
import type { WriterOptions } from '../src/pool/pool-writer.ts';
import { flockMissing, holdLock } from './helpers/lock-holder.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';

/** Runs `act` while a function of `node:fs` is another one. */
function withCall(name: keyof typeof fs, other: (...given: never[]) => unknown, act: () => void): void {
  const calls = fs as unknown as Record<string, unknown>;
  const real = calls[name];
  calls[name] = other;
  syncBuiltinESMExports();
  try {
    act();
  } finally {
    calls[name] = real;
    syncBuiltinESMExports();
  }
}

/** Runs `act` with a `writeSync` that takes only a part, after which `then` happens. */
function withShortWrite(bytes: number, then: () => void, act: () => void): void {
  const realWrite = fs.writeSync;
  let used = false;
  const write = (fd: number, buffer: Buffer) => {
    if (used) return realWrite(fd, buffer);
    used = true;
    const written = realWrite(fd, buffer, 0, bytes);
    then();
    return written;
  };
  withCall('writeSync', write, act);
}

/** A call that the system refuses. */
function refused(code: keyof typeof constants.errno): () => never {
  return () => {
    throw Object.assign(new Error(code), { code, errno: -constants.errno[code] });
  };
}

function writerOf(t: ExecutionContext, options: Partial<WriterOptions> = {}): FallbackWriter {
  const { dropReport } = new DiagLayout();
  const pool = { path: poolOf(t), keys: diagKeyLayout('a/1', 'vm'), dropReport };
  const defaults = { ...pool, maxRecords: 1024, queueBytes: 1 << 21 };
  const writer = new FallbackWriter({ ...defaults, reservesFinishes: true, writeThrough: false, ...options });
  t.teardown(() => writer.close(0));
  return writer;
}

const values = (path: string) => readPool(path).map(({ value }) => value);

test.serial('a write that the disk took a part of is taken back and made again', (t) => {
  const path = poolOf(t);
  const writer = writerOf(t, { path });
  writer.event(0, 3, 'first', 'n');
  writer.event(0, 3, 'second', 'n');
  withShortWrite(
    1000,
    () => {},
    () => t.true(writer.wait(5000)),
  );
  t.deepEqual(values(path), ['first', 'second']);
  t.like(writer.stats(), { written: 2, dropped: {} });
});

test.serial('what somebody appended behind half a write is not cut, and the loss is counted', (t) => {
  const path = poolOf(t);
  const writer = writerOf(t, { path });
  const other = Buffer.alloc(2560, 'o');
  writer.event(0, 3, 'ours', 'n');
  withShortWrite(
    1000,
    () => fs.appendFileSync(path, other),
    () => void writer.wait(50),
  );
  t.true(readFileSync(path).subarray(1000, 3560).equals(other));
  t.like(writer.stats(), { written: 0, dropped: { io: { INFO: 1 } } });
});

test('what is refused does not stand in for what is not written yet', (t) => {
  const path = join(dirname(poolOf(t)), 'later', 'pool');
  const writer = writerOf(t, { path });
  writer.event(0, 3, 'first', 'n');
  const position = writer.position();
  writer.event(0, 3, 'x'.repeat(1_200_000), 'n');
  t.false(writer.wait(20));
  t.false(writer.isDrained(position));
  mkdirSync(dirname(path));
  t.true(writer.wait(5000));
  t.true(writer.isDrained(position));
  t.deepEqual(values(path), ['first']);
  t.deepEqual(writer.stats().dropped, { too_large: { INFO: 1 } });
});

test.serial('a folder that is missing for long is looked for every 100 ms', async (t) => {
  const path = join(dirname(poolOf(t)), 'later', 'pool');
  const looks: number[] = [];
  const realOpen = fs.openSync;
  fs.openSync = (...given) => {
    if (given[0] === path) looks.push(performance.now());
    return realOpen(...given);
  };
  syncBuiltinESMExports();
  t.teardown(() => {
    fs.openSync = realOpen;
    syncBuiltinESMExports();
  });
  const writer = writerOf(t, { path });
  writer.event(0, 3, 'early', 'n');
  // Pauses of 1 to 64 ms, then five of the longest.
  for (let turn = 0; turn < 500 && looks.length < 14; turn++) await sleep(10);
  const pauses = looks.slice(1).map((look, index) => look - looks[index]!);
  const longest = Math.min(...pauses.slice(-3));
  // A slow machine also sleeps for longer than it was asked to.
  const slept: number[] = [];
  for (let i = 0; i < 6; i++) {
    const started = performance.now();
    await sleep(100);
    slept.push(performance.now() - started);
  }
  t.true(longest > 95 && longest < 1.5 * Math.max(...slept), `${pauses}; ${slept}`);
  mkdirSync(dirname(path));
  for (let turn = 0; turn < 500 && writer.stats().written === 0; turn++) await sleep(10);
  t.deepEqual(values(path), ['early']);
});

test('a close writes what can be written, and nothing happens after it', async (t) => {
  const path = poolOf(t);
  const writer = writerOf(t, { path });
  for (let i = 0; i < 600; i++) writer.event(0, 3, `${i}`, 'n');
  writer.close(60_000);
  t.is(readPool(path).length, 600);
  writer.event(0, 3, 'late', 'n');
  writer.requestDropReport();
  await sleep(20);
  t.is(readPool(path).length, 600);
  t.true(writer.isDrained(writer.position()));
  t.like(writer.stats(), { accepted: 601, written: 600, dropped: { closed: { INFO: 1 } } });
});

test('a close appends without the lock what somebody keeps from it', async (t) => {
  if (!has(t, flockMissing)) return;
  const path = poolOf(t);
  const writer = writerOf(t, { path });
  writer.event(0, 3, 'first', 'n');
  // Not by a blocking call: where that was slow the next one takes no lock.
  while (!writer.isDrained(1)) await sleep(1);
  const release = await holdLock(t, 'flock', path);
  writer.event(0, 3, 'last', 'n');
  t.false(writer.wait(50));
  t.deepEqual(values(path), ['first']);
  writer.close(50);
  t.deepEqual(values(path), ['first', 'last']);
  t.like(writer.stats(), { written: 2, lastError: { code: 'ERR_KVP_NO_LOCK' } });
  await release();
});

test.serial('a close says what was lost, also where all that waits is too large for a pool', (t) => {
  const { PATH } = process.env;
  t.teardown(() => (process.env['PATH'] = PATH));
  // Without a program flock, which may be slow to start.
  process.env['PATH'] = '/nowhere';
  const path = poolOf(t);
  const writer = writerOf(t, { path });
  writer.event(0, 3, 'x'.repeat(1_500_000), 'n');
  writer.requestDropReport();
  writer.close(1000);
  t.is(values(path).length, 1);
  t.regex(values(path)[0]!, /"too_large":\{"INFO":1\}/);
});

test.serial('a pool can be opened from when it is, not from when its lock is had', async (t) => {
  if (!has(t, flockMissing)) return;
  const programs = folderOf(t);
  const [asked, goes] = [join(programs, 'asked'), join(programs, 'goes')];
  const { PATH } = process.env;
  t.teardown(() => (process.env['PATH'] = PATH));
  const script = `#!/bin/sh\nPATH="${PATH}"\n: > ${asked}\nuntil [ -e ${goes} ]; do sleep 0.01; done\nexec flock "$@"\n`;
  writeFileSync(join(programs, 'flock'), script, { mode: 0o755 });
  process.env['PATH'] = `${programs}:${PATH}`;
  t.teardown(() => writeFileSync(goes, ''));
  const path = join(folderOf(t), 'later', 'pool');
  const writer = writerOf(t, { path });
  writer.event(0, 3, 'early', 'n');
  t.true(writer.cannotOpen());
  mkdirSync(dirname(path));
  while (!existsSync(asked)) {
    t.false(writer.isDrained(1));
    await sleep(1);
  }
  t.false(writer.cannotOpen());
  writeFileSync(goes, '');
  while (!writer.isDrained(1)) await sleep(1);
  t.deepEqual(values(path), ['early']);
});

test('a span whose earlier finish found no room has room kept for its finish, once there is some', (t) => {
  const path = poolOf(t);
  const writer = writerOf(t, { path, maxRecords: 10 });
  for (let i = 0; i < 9; i++) writer.event(0, 3, 'event', 'n');
  writer.finish(0, 3, 'no room', 'span', 'n', 1);
  t.true(writer.wait(5000));
  t.is(values(path).length, 9);
  truncateSync(path);
  writer.start(0, 3, 'start', 'span', 'n');
  for (let i = 0; i < 9; i++) writer.event(0, 3, 'event', 'n');
  writer.finish(0, 3, 'finish', 'span', 'n', 1);
  t.true(writer.wait(5000));
  t.is(values(path).at(-1), 'finish');
});

for (const code of ['EACCES', 'EIO', 'ENOMEM', 'ESTALE'] as const) {
  test.serial(
    `where the system does not say what lies at the path records go on to the open file: ${code}`,
    (t) => {
      const path = poolOf(t);
      const writer = writerOf(t, { path });
      writer.event(0, 3, 'first', 'n');
      t.true(writer.wait(5000));
      withCall('lstatSync', refused(code), () => {
        writer.requestLook();
        writer.event(0, 3, 'second', 'n');
        t.true(writer.wait(5000));
      });
      t.deepEqual(values(path), ['first', 'second']);
      t.like(writer.stats(), { written: 2, missing: 0 });
    },
  );
}

for (const [call, code] of [
  ['openSync', 'EMFILE'],
  ['readSync', 'EIO'],
] as const) {
  test.serial(`records are not taken for gone where the system refuses to show them: ${call}`, (t) => {
    const path = poolOf(t);
    const writer = writerOf(t, { path });
    writer.event(0, 3, 'first', 'n');
    t.true(writer.wait(5000));
    copyFileSync(path, `${path}.new`);
    renameSync(`${path}.new`, path);
    withCall(call, refused(code), () => writer.requestLook());
    writer.event(0, 3, 'second', 'n');
    t.true(writer.wait(5000));
    t.deepEqual(values(path), ['first', 'second']);
    t.like(writer.stats(), { written: 2, missing: 0 });
  });
}

test.serial('records that go missing after a write that failed are counted', (t) => {
  const path = poolOf(t);
  const writer = writerOf(t, { path });
  writer.event(0, 3, 'first', 'n');
  t.true(writer.wait(5000));
  writer.event(0, 3, 'second', 'n');
  withCall('writeSync', refused('ENOSPC'), () => t.false(writer.wait(1)));
  truncateSync(path);
  t.true(writer.wait(5000));
  t.deepEqual(values(path), ['second']);
  t.like(writer.stats(), { written: 2, missing: 1 });
});

const isFree = (path: string) => spawnSync('flock', ['-n', path, 'true']).status === 0;

test.serial('a look that the system refuses keeps no lock', (t) => {
  if (!has(t, flockMissing)) return;
  const path = poolOf(t);
  const writer = writerOf(t, { path });
  writer.event(0, 3, 'first', 'n');
  t.true(writer.wait(5000));
  truncateSync(path);
  withCall('openSync', refused('EMFILE'), () => writer.requestLook());
  writer.event(0, 3, 'second', 'n');
  t.true(writer.wait(5000));
  t.true(isFree(path));
});

test.serial('a defect of the writer costs its batch, which is counted, and keeps no lock', (t) => {
  if (!has(t, flockMissing)) return;
  const path = poolOf(t);
  const writer = writerOf(t, { path });
  writer.event(0, 3, 'first', 'n');
  writer.event(0, 2, 'x'.repeat(400_000), 'n');
  const { concat } = Buffer;
  Buffer.concat = () => {
    throw new RangeError('Array buffer allocation failed');
  };
  try {
    t.true(writer.wait(5000));
  } finally {
    Buffer.concat = concat;
  }
  const { dropped, lastError, queuedBytes } = writer.stats();
  t.deepEqual([dropped, queuedBytes], [{ io: { INFO: 1, WARN: 1 } }, 0]);
  t.like(lastError, {
    code: 'ERR_KVP_PANIC',
    message: `the writer of ${path} panicked: Array buffer allocation failed; this is a defect of kvp-tracing, please report it`,
  });
  t.true(isFree(path));
  writer.event(0, 3, 'last', 'n');
  t.true(writer.wait(5000));
  t.deepEqual(values(path), ['last']);
  writer.requestDropReport();
  t.true(writer.wait(5000));
  t.is(values(path).length, 2);
});

test('a pool that became another file can be opened again only once it is a pool', async (t) => {
  const path = poolOf(t);
  const writer = writerOf(t, { path });
  writer.event(0, 3, 'first', 'n');
  t.true(writer.wait(5000));
  const pool = readFileSync(path);
  writeFileSync(path, 'no pool\n'.repeat(1000));
  writer.event(0, 3, 'second', 'n');
  t.false(writer.wait(1));
  for (let turn = 0; turn < 200; turn++) {
    t.true(writer.cannotOpen());
    await sleep(1);
  }
  writeFileSync(path, pool);
  t.true(writer.wait(5000));
  t.false(writer.cannotOpen());
  t.deepEqual(values(path), ['first', 'second']);
});
