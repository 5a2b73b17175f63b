import fs, {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { CutShortError, IoError, type KvpError, NoLockError } from '../src/errors.ts';
import type { Attempt } from '../src/pool/attempt.ts';
import { FallbackStore } from '../src/pool/fallback/fallback-store.ts';
import { RECORD_SIZE } from '../src/pool/limits.ts';
import type { Op } from '../src/pool/op.ts';
import { decodeRecords } from '../src/pool/record.ts';
import { PoolStore } from '../src/pool/pool-store.ts';
import { bytesOf } from './helpers/diag-records.ts';
import { flockMissing } from './helpers/lock-holder.ts';
import { has } from './helpers/pool-folder.ts';
import { type Fault, FaultySystem, makeFaulty, refusal } from './helpers/faulty-system.ts';
import { contentOf, GOLDEN, type GoldenCase, goldenBytes, layOut } from './helpers/golden-store.ts';

makeFaulty();

// One for thousands of pools.
const folder = mkdtempSync(join(tmpdir(), 'kvp-test-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));
let pools = 0;
const newPath = () => join(folder, `${pools++}`);

const CASES = GOLDEN.filter(({ error }) => error === undefined);

/** Does what a case says, as often as it takes; in between others have their turn. */
async function act(store: FallbackStore, { op, keys = [], ...golden }: GoldenCase, system: FaultySystem) {
  const records = (golden.records ?? []).map(([key, value]) => ({ key, value }));
  const attempts: Record<GoldenCase['op'], () => Op<Attempt<unknown>>> = {
    append: () => store.append(records),
    set: () => store.set(records[0]!, golden.maxKeys ?? 1024),
    delete: () => store.delete(keys),
    load: () => store.load(records),
    clear: () => store.clear(),
    repair: () => store.repair(),
  };
  for (;;) {
    const attempt = system.run(attempts[op]());
    if (typeof attempt === 'object') return attempt.done;
    await sleep(30);
  }
}

/** How many descriptors of a file are open. */
function openOf(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;
}

/** A pool without its torn tail, which may stay until it can be cut; one without records is as good as none. */
function whole(pool: Buffer | undefined): Buffer | undefined {
  const bytes = pool?.subarray(0, pool.length - (pool.length % RECORD_SIZE));
  return bytes?.length === 0 ? undefined : bytes;
}

interface Outcome {
  error: KvpError | undefined;
  system: FaultySystem;
  found: Buffer | undefined;
}

/** Does what a case says with faults; whatever they are, nothing stays open and a later try succeeds. */
async function actWith(t: ExecutionContext, golden: GoldenCase, ...faults: Fault[]): Promise<Outcome> {
  const path = newPath();
  layOut(golden, path);
  const store = new FallbackStore(path);
  const system = new FaultySystem(...faults);
  let error: KvpError | undefined;
  try {
    await act(store, golden, system);
  } catch (thrown) {
    error = thrown as KvpError;
    t.is(error.path, path);
  }
  const found = contentOf(path);
  const what = `${golden.title}: ${JSON.stringify(faults)}`;
  t.is(openOf(path), 0, what);
  await t.notThrowsAsync(act(store, golden, new FaultySystem()), what);
  if (error !== undefined && !(error instanceof CutShortError)) {
    t.deepEqual(contentOf(path), goldenBytes(golden.after), `${what}, again`);
  }
  return { error, system, found: whole(found) };
}

/** The calls that a case makes when nothing goes wrong. */
async function callsOf(t: ExecutionContext, golden: GoldenCase): Promise<string[]> {
  const path = newPath();
  layOut(golden, path);
  const system = new FaultySystem();
  await act(new FallbackStore(path), golden, system);
  t.deepEqual(contentOf(path), goldenBytes(golden.after), golden.title);
  return system.calls;
}

test('a fault at any call of any change leaves the pool as it was or as it should be', async (t) => {
  const check = async (golden: GoldenCase, number: number) => {
    const { error, system, found } = await actWith(t, golden, { at: number, fails: true });
    const call = system.calls[number];
    const what = `${golden.title}: ${call}, ${number}`;
    // Waiting for a tail to settle makes now more calls, now fewer.
    if (!system.isSpent) return t.not(golden.tail, undefined, what);
    if (call === 'flock') t.true(error instanceof NoLockError, what);
    else if (call === 'close') t.is(error, undefined, what);
    else {
      t.like(error, { code: 'ERR_KVP_IO', errno: -5, syscall: call }, what);
      t.true(error instanceof IoError && error.message.endsWith('i/o error (EIO)'), what);
    }
    const { before, after } = golden;
    return t.deepEqual(found, whole(goldenBytes(error === undefined ? after : before)), what);
  };
  await Promise.all(
    CASES.map(async (golden) => {
      const calls = await callsOf(t, golden);
      await Promise.all(calls.map((_, number) => check(golden, number)));
    }),
  );
});

test('what two faults leave half-way is said', async (t) => {
  let cutShort = 0;
  const check = async (golden: GoldenCase, length: number, first: Fault) => {
    // A second fault comes in what the first one leads to, too.
    for (let at = Number(first.at) + 1; at < length + 6; at++) {
      const faults: [Fault, Fault] = [first, { at, fails: true }];
      const { error, system, found } = await actWith(t, golden, ...faults);
      if (!system.isSpent) return;
      const what = `${golden.title}: ${system.calls}, ${JSON.stringify(faults)}`;
      if (error instanceof CutShortError) cutShort++;
      else t.deepEqual(found, whole(goldenBytes(error ? golden.before : golden.after)), what);
    }
  };
  await Promise.all(
    CASES.filter(({ tail }) => tail === undefined).map(async (golden) => {
      const { length } = await callsOf(t, golden);
      const firsts = Array.from({ length }, (_, at): Fault[] => [
        { at, fails: true },
        { at, short: 100 },
      ]);
      await Promise.all(firsts.flat().map((first) => check(golden, length, first)));
    }),
  );
  t.true(cutShort > 10, `${cutShort}`);
});

test('short reads and writes of one byte are carried on or taken back', async (t) => {
  for (const golden of CASES.filter(({ tail }) => tail === undefined)) {
    const calls = await callsOf(t, golden);
    for (const [number, call] of calls.entries()) {
      if (call !== 'read' && call !== 'write') continue;
      const { error, found } = await actWith(t, golden, { at: number, short: 1 });
      const what = `${golden.title}: ${call}, ${number}`;
      // An append that the disk took a part of: the fallback takes the disk for full.
      if (error !== undefined) t.like(error, { code: 'ERR_KVP_IO', errno: -28, syscall: 'write' }, what);
      t.deepEqual(found, whole(goldenBytes(error === undefined ? golden.after : golden.before)), what);
    }
  }
});

/** After it opened the file, under the lock, and after it read. */
const isLook = (call: string) => call === 'fstat';
const theirs = { key: 'theirs', value: 'late' };
const theirBytes = bytesOf([theirs.key, theirs.value]);

test('what somebody without locks appends at any moment survives', async (t) => {
  for (const golden of CASES.filter(({ tail }) => tail === undefined)) {
    const calls = await callsOf(t, golden);
    for (const [number, call] of calls.entries()) {
      // Between the last look and the cut there is no telling.
      if (call === 'ftruncate') continue;
      const path = newPath();
      layOut(golden, path);
      const before = () => appendFileSync(path, theirBytes);
      const system = new FaultySystem({ at: number, before });
      await act(new FallbackStore(path), { ...golden, maxKeys: 1024 }, system);
      const what = `${golden.title}: ${call}, ${number} of ${calls}`;
      const pool = readFileSync(path);
      t.is(pool.length % RECORD_SIZE, 0, what);
      const found = decodeRecords(pool);
      const ours = found.filter(({ key }) => key !== theirs.key);
      t.deepEqual(ours, decodeRecords(goldenBytes(golden.after ?? [])!), what);
      // What was there before a clear or a load looked is theirs to remove.
      const wasSeen = ['clear', 'load'].includes(golden.op) && ours.length === found.length;
      if (!wasSeen) t.is(found.length, ours.length + 1, what);
      else t.true(golden.op === 'clear' || calls.slice(0, number).filter(isLook).length < 3, what);
    }
  }
});

test('nobody is cut off behind half a write', async (t) => {
  for (const op of ['append', 'load'] as const) {
    const path = newPath();
    const before = bytesOf(['a', '1']);
    writeFileSync(path, before);
    const records: [string, string][] = [
      ['b', '2'],
      ['c', '3'],
    ];
    const golden: GoldenCase = { title: op, op, before: null, after: null, records };
    const late: Fault = { at: 'fstat', before: () => appendFileSync(path, theirBytes) };
    const system = new FaultySystem({ at: 'write', short: 1000 }, late);
    const error = await t.throwsAsync(act(new FallbackStore(path), golden, system), {
      instanceOf: CutShortError,
    });
    t.like(error, { code: 'ERR_KVP_IO', path }, op);
    t.true(
      readFileSync(path)
        .subarray(before.length + 1000)
        .equals(theirBytes),
      op,
    );
  }
});

test.serial('what is refused off the event loop is said, and nothing stays open', async (t) => {
  if (!has(t, flockMissing)) return;
  const calls = fs as unknown as Record<string, (...given: unknown[]) => unknown>;
  const before = bytesOf(['a', '1'], ['b', '2']);
  for (const name of ['open', 'fstat', 'read', 'write', 'ftruncate', 'close']) {
    const path = newPath();
    writeFileSync(path, before);
    const store = new PoolStore(path, new FallbackStore(path), {});
    const real = calls[name]!;
    calls[name] = (...given) => {
      calls[name] = real;
      const done = given.at(-1) as (error: Error) => void;
      if (name === 'close') real(given[0], () => done(refusal(name)));
      else setImmediate(done, refusal(name));
    };
    const deleting = store.delete('a');
    store.close();
    if (name === 'close') t.is(await deleting, 1);
    else t.like(await t.throwsAsync(deleting), { code: 'ERR_KVP_IO', errno: -5, syscall: name, path });
    t.deepEqual(readFileSync(path), name === 'close' ? before.subarray(RECORD_SIZE) : before, name);
    t.is(openOf(path), 0, name);
  }
});

test('two that make a file at once make one of it', async (t) => {
  for (const op of ['set', 'load'] as const) {
    const golden: GoldenCase = { title: op, op, before: null, after: null, records: [['k', 'ours']] };
    const calls = await callsOf(t, { ...golden, after: [['k', 'ours']] });
    t.true(calls.includes('flock'), `${calls}`);
    for (let number = 0; number <= calls.indexOf('flock'); number++) {
      const path = newPath();
      const before = () => appendFileSync(path, bytesOf(['k', 'theirs']));
      await act(new FallbackStore(path), golden, new FaultySystem({ at: number, before }));
      t.deepEqual(decodeRecords(readFileSync(path)), [{ key: 'k', value: 'ours' }], `${op}, ${number}`);
    }
  }
});
