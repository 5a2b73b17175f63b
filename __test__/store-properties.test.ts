import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type Edit, inspect, repair } from '../src/pool/edit.ts';
import { RECORD_SIZE } from '../src/pool/limits.ts';
import { openPool } from '../src/pool/open-pool.ts';
import type { PoolRecord } from '../src/pool/record.ts';
import { placesOf, Shape } from '../src/pool/shape.ts';
import { NotAPoolFileError, PoolFullError } from '../src/errors.ts';
import { bytesOf } from './helpers/diag-records.ts';
import { contentOf } from './helpers/golden-store.ts';
import { flockMissing } from './helpers/lock-holder.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { type Form, FORMS, run } from './helpers/store-forms.ts';

const MAX_KEYS = 3;

/** What a store should hold, as plain as it can be told. */
class Model {
  records: PoolRecord[] = [];

  append(records: readonly PoolRecord[]): void {
    this.records.push(...records);
  }

  /** Whether there is room for it. */
  set(record: PoolRecord): boolean {
    const keys = new Set(this.records.map(({ key }) => key));
    if (!keys.has(record.key)) {
      if (keys.size >= MAX_KEYS) return false;
      this.records.push(record);
      return true;
    }
    const first = this.records.findIndex(({ key }) => key === record.key);
    this.records[first] = record;
    this.records = this.records.filter(({ key }, index) => key !== record.key || index === first);
    return true;
  }

  delete(keys: readonly string[]): number {
    const before = this.records.length;
    this.records = this.records.filter(({ key }) => !keys.includes(key));
    return before - this.records.length;
  }

  get bytes(): Buffer {
    return bytesOf(...this.records.map(({ key, value }) => [key, value] as const));
  }
}

// Few keys, so that they meet; one of them is the beginning of another.
const key = fc.oneof(
  fc.constantFrom('a', 'ab', 'abc', 'é', '__proto__', 'a\ufffd'),
  fc.constant('k'.repeat(254)),
);
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 9 }).map((text) => text.replaceAll('\0', '')),
  fc.constantFrom('', 'v'.repeat(1022), '\ufeff日本語'),
);
const record = fc.record({ key, value });
const step = fc.oneof(
  fc.record({ op: fc.constantFrom('append', 'load'), records: fc.array(record, { maxLength: 5 }) }),
  fc.record({ op: fc.constant('set'), records: fc.array(record, { minLength: 1, maxLength: 1 }) }),
  fc.record({
    op: fc.constantFrom('delete', 'get'),
    records: fc.array(record, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ op: fc.constantFrom('clear', 'repair'), records: fc.constant([]) }),
);
const steps = fc.array(fc.tuple(fc.constantFrom(...FORMS), step), { maxLength: 12 });

test('any sequence of operations in any form is that of a plain model, to the byte', async (t) => {
  if (!has(t, flockMissing)) return;
  const folder = folderOf(t);
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const path = join(folder, `pool ${runs++}`);
      const store = openPool(path, { maxKeys: MAX_KEYS });
      const model = new Model();
      for (const [form, { op, records }] of all) {
        const keys = records.map((given) => given.key);
        const first = records[0]!;
        if (op === 'append') {
          await run(store, form, 'append', records);
          model.append(records);
        } else if (op === 'load') {
          await run(store, form, 'load', records);
          model.records = [...records];
        } else if (op === 'set') {
          const setting = run(store, form, 'set', first.key, first.value);
          if (model.set(first)) await setting;
          else await t.throwsAsync(setting, { instanceOf: PoolFullError });
        } else if (op === 'delete') {
          t.is(await run(store, form, 'delete', keys), model.delete(keys));
        } else if (op === 'get') {
          const last = model.records.findLast((other) => other.key === first.key);
          t.is(await run(store, form, 'get', first.key), last?.value);
        } else if (op === 'clear') {
          await run(store, form, 'clear');
          model.records = [];
        } else t.deepEqual(await run(store, form, 'repair'), []);
        t.true(model.bytes.equals(contentOf(path) ?? Buffer.alloc(0)), op);
        t.is(store.size, model.records.length);
      }
      t.deepEqual(await store.dump(), model.records);
      t.deepEqual(store.entriesSync(), new Map(model.records.map((given) => [given.key, given.value])));
      store.close();
    }),
    { numRuns: 60 },
  );
});

// Bytes that make keys, ends and broken UTF-8 likely, and runs of them.
const byte = fc.oneof(fc.constantFrom(0, 0x61, 0xc3, 0xa9, 0xe6, 0xed, 0xf0, 0x9f, 0xff), fc.nat(255));
const bytes = fc
  .array(fc.tuple(byte, fc.integer({ min: 1, max: 900 })), { maxLength: 16 })
  .map((runs) => Buffer.concat(runs.map(([each, count]) => Buffer.alloc(count, each))));
const mixed = fc
  .uint8Array({ minLength: RECORD_SIZE, maxLength: RECORD_SIZE })
  .map((each) => Buffer.from(each));
const records = fc.array(
  fc.oneof(
    mixed,
    record.map((each) => bytesOf([each.key, each.value])),
  ),
  { maxLength: 4 },
);
/** Text of one line or many, or a record with text behind it. */
const text = fc
  .tuple(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
    fc.integer({ min: 1, max: 60 }),
    fc.constantFrom('', '\n'),
  )
  .map(([line, lines, end]) => Buffer.from((line + end).repeat(lines)));
const foreign = fc.oneof(
  text,
  fc.tuple(record, text).map(([each, rest]) => Buffer.concat([bytesOf([each.key, each.value]), rest])),
);
const anyPool = fc.oneof(bytes, fc.tuple(records.map(Buffer.concat), bytes).map(Buffer.concat));

/** What an edit makes of a pool. */
function applied(pool: Buffer, edit: Edit): Buffer {
  return Buffer.concat([
    pool.subarray(0, edit.from),
    edit.with,
    pool.subarray(edit.from + edit.with.length),
  ]).subarray(0, edit.length);
}

/** Whether a file with these bytes looks like a pool. */
function isPool(bytes: Buffer): boolean {
  const shape = new Shape(false);
  const admits = ({ at, length }: { at: number; length: number }) =>
    shape.admits(bytes.subarray(at, at + length));
  return bytes.length === 0 || (placesOf(0, bytes.length).every(admits) && shape.isKnown);
}

/** Pools and other files, each in a file of its own, in turns of the two forms; off the event loop, because a torn tail takes its time. */
async function forEachFile(
  t: ExecutionContext,
  pools: readonly Buffer[],
  act: (path: string, pool: Buffer, form: Form) => Promise<void>,
): Promise<void> {
  const folder = folderOf(t);
  await Promise.all(
    pools.map(async (pool, index) => {
      const path = join(folder, `pool ${index}`);
      writeFileSync(path, pool);
      await act(path, pool, FORMS[index % 2]!);
    }),
  );
}

test('a repair mends what an inspection lists, to the same bytes on both backends', async (t) => {
  if (!has(t, flockMissing)) return;
  const pools = fc.sample(
    anyPool.filter((pool) => isPool(pool)),
    60,
  );
  await forEachFile(t, pools, async (path, pool, form) => {
    using store = openPool(path, { lockTimeout: 60_000 });
    const listed = await run(store, form, 'inspect');
    t.deepEqual(listed, inspect(pool));
    const repairs = await store.repair();
    t.deepEqual(
      repairs,
      listed.map((defect, i) => ({ ...defect, action: repairs[i]!.action })),
    );
    for (const { record: number, reason, action } of repairs) {
      const isDropped = listed.some((other) => other.record === number && other.reason === 'empty_key');
      t.is(action, reason === 'torn_tail' ? 'cut' : isDropped ? 'dropped' : 're-encoded');
    }
    const mended = readFileSync(path);
    t.true(mended.equals(applied(pool, repair(pool).edit)), pool.toString('hex'));
    t.deepEqual(inspect(mended), []);
    t.deepEqual(await run(store, form, 'repair'), []);
    t.true(readFileSync(path).equals(mended));
  });
});

test('a file that does not look like a pool is left as it is by every change, on both backends alike', async (t) => {
  if (!has(t, flockMissing)) return;
  const pools = fc.sample(fc.oneof(anyPool, foreign), 80);
  const changes = [
    ['append', 'k', 'v'],
    ['set', 'k', 'v'],
    ['delete', 'k'],
    ['load', []],
    ['repair'],
    ['clear'],
  ] as const;
  let refused = 0;
  await forEachFile(t, pools, async (path, pool, form) => {
    using store = openPool(path, { lockTimeout: 60_000 });
    for (const [operation, ...given] of changes) {
      writeFileSync(path, pool);
      const outcome = run(
        store,
        form === 'sync' && pool.length % RECORD_SIZE === 0 ? 'sync' : 'async',
        operation,
        ...given,
      );
      if (isPool(pool)) {
        await t.notThrowsAsync(outcome, `${operation} ${pool.toString('hex')}`);
        continue;
      }
      refused++;
      const error = await t.throwsAsync(outcome, { instanceOf: NotAPoolFileError }, pool.toString('hex'));
      t.is(error?.code, 'ERR_KVP_NOT_A_POOL_FILE');
      t.true(readFileSync(path).equals(pool), operation);
    }
  });
  t.true(refused > 100, `${refused}`);
});

test('whatever is in a file, reading it never throws and loses no whole record', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'pool');
  await fc.assert(
    fc.asyncProperty(anyPool, fc.constantFrom(...FORMS), async (pool, form) => {
      writeFileSync(path, pool);
      const store = openPool(path);
      const dump = await run(store, form, 'dump');
      t.is(dump.length, Math.floor(pool.length / RECORD_SIZE));
      t.is(dump.length, store.size);
      t.deepEqual(
        [...(await run(store, form, 'entries')).keys()].sort(),
        [...new Set(dump.map((each) => each.key))].sort(),
      );
    }),
  );
});
