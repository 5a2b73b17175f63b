import { existsSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { bootTime } from '../src/pool/boot-time.ts';
import { RECORD_SIZE } from '../src/pool/limits.ts';
import { chooseBackend } from '../src/pool/binding.ts';
import { openPool } from '../src/pool/open-pool.ts';
import { bytesOf } from './helpers/diag-records.ts';
import { contentOf, GOLDEN, goldenBytes, layOut, spelled, tornRecord } from './helpers/golden-store.ts';
import { folderOf, poolOf } from './helpers/pool-folder.ts';
import { FORMS, run } from './helpers/store-forms.ts';

const text = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ key: `key ${from + i}`, value: `value ${from + i}` }));

// What waits for a torn tail to settle has its turn between tests that block the event loop.
const patient = { lockTimeout: 60_000 };

for (const golden of GOLDEN) {
  test(`${golden.title}, in both forms`, async (t) => {
    for (const form of FORMS) {
      const path = poolOf(t);
      layOut(golden, path);
      const { op, maxKeys, keys = [], records = [] } = golden;
      using store = openPool(path, { ...patient, ...(maxKeys !== undefined && { maxKeys }) });
      const given = records.map(([key, value]) => ({ key, value }));
      const { key = '', value = '' } = given[0] ?? {};
      const act = async () => {
        if (op === 'append' || op === 'load') return run(store, form, op, given);
        if (op === 'set') return run(store, form, op, key, value);
        if (op === 'delete') return run(store, form, op, keys);
        return op === 'clear' ? run(store, form, op) : spelled(await run(store, form, op));
      };
      if (golden.error === undefined) t.deepEqual(await act(), golden.result, form);
      else await t.throwsAsync(act, { code: golden.error }, form);
      t.deepEqual(contentOf(path), goldenBytes(golden.after), form);
    }
  });
}

for (const form of FORMS) {
  test(`a missing file reads as empty and is not made by what adds nothing (${form})`, async (t) => {
    const path = poolOf(t);
    for (const readOnly of [true, false]) {
      const store = openPool(path, { readOnly });
      t.is(await run(store, form, 'get', 'a'), undefined);
      t.deepEqual(await run(store, form, 'records'), []);
      t.deepEqual(await run(store, form, 'entries'), new Map());
      t.deepEqual(await run(store, form, 'dump'), []);
      t.deepEqual(await run(store, form, 'inspect'), []);
      t.false(await run(store, form, 'isStale'));
      t.is(store.size, 0);
    }
    const store = openPool(path);
    t.is(await run(store, form, 'delete', ['a', 'b']), 0);
    t.deepEqual(await run(store, form, 'repair'), []);
    t.is(await run(store, form, 'clear'), undefined);
    t.false(await run(store, form, 'clearIfStale'));
    t.false(existsSync(path));
  });

  test(`what is written is read again, in order, the last one of a key counts (${form})`, async (t) => {
    const path = poolOf(t);
    using store = openPool(path);
    await run(store, form, 'append', 'a', '1');
    await run(
      store,
      form,
      'append',
      new Set([
        { key: 'b', value: 'é' },
        { key: 'a', value: '' },
      ]),
    );
    await run(store, form, 'append', []);
    const records = [
      { key: 'a', value: '1' },
      { key: 'b', value: 'é' },
      { key: 'a', value: '' },
    ];
    t.deepEqual(await run(store, form, 'dump'), records);
    t.deepEqual(await run(store, form, 'records'), records);
    t.deepEqual(
      [...(await run(store, form, 'entries'))],
      [
        ['a', ''],
        ['b', 'é'],
      ],
    );
    t.is(await run(store, form, 'get', 'a'), '');
    t.is(await run(store, form, 'get', 'c'), undefined);
    t.is(store.size, 3);
    t.is(statSync(path).mode & 0o777, 0o600);
    t.deepEqual(readFileSync(path), bytesOf(...records.map(({ key, value }) => [key, value] as const)));
  });

  test(`a dump goes through JSON and comes back (${form})`, async (t) => {
    using store = openPool(poolOf(t));
    const records = [...text(3), { key: '__proto__', value: '{"a":\n1}' }, ...text(2)];
    await run(store, form, 'append', records);
    const dump = JSON.parse(JSON.stringify(await run(store, form, 'dump'))) as typeof records;
    await run(store, form, 'load', text(1));
    await run(store, form, 'load', dump);
    t.deepEqual(await run(store, form, 'dump'), records);
  });

  test(`a batch with one bad record is refused before there is a file (${form})`, async (t) => {
    const path = poolOf(t);
    for (const operation of ['append', 'load'] as const) {
      const records = [...text(2), { key: '', value: 'x' }, ...text(2)];
      const message = 'KVP key must not be empty (record 2)';
      await t.throwsAsync(run(openPool(path), form, operation, records), { message });
    }
    t.false(existsSync(path));
  });

  test(`a pool takes 1,024 different keys and overwrites at the cap (${form})`, async (t) => {
    const path = poolOf(t);
    using store = openPool(path);
    await run(store, form, 'load', text(1023));
    await run(store, form, 'set', 'last', '1');
    await t.throwsAsync(run(store, form, 'set', 'one more', '1'), {
      code: 'ERR_KVP_POOL_FULL',
      message: `${path} has 1024 different keys; the limit is 1024; delete keys, or raise the limit (maxKeys)`,
    });
    await run(store, form, 'set', 'last', '2');
    await run(store, form, 'append', 'one more', 'appended');
    t.is(await run(store, form, 'get', 'last'), '2');
    t.is(store.size, 1025);
  });

  test(`lone surrogates are written as U+FFFD and found again (${form})`, async (t) => {
    using store = openPool(poolOf(t));
    await run(store, form, 'set', 'a\ud800', '\udfffb');
    await run(store, form, 'set', 'a\ud801', '\udfffc');
    t.deepEqual(await run(store, form, 'dump'), [{ key: 'a\ufffd', value: '\ufffdc' }]);
    t.is(await run(store, form, 'get', 'a\ud800'), '\ufffdc');
    t.is(await run(store, form, 'delete', 'a\udfff'), 1);
  });

  test(`keys that objects know are keys like others (${form})`, async (t) => {
    using store = openPool(poolOf(t));
    const keys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    for (const key of keys) await run(store, form, 'set', key, `of ${key}`);
    t.deepEqual([...(await run(store, form, 'entries')).keys()], keys);
    for (const key of keys) t.is(await run(store, form, 'get', key), `of ${key}`);
    t.is(await run(store, form, 'get', 'valueOf'), undefined);
    t.is(await run(store, form, 'delete', keys), 4);
  });

  test(`a pool is stale when it was changed before the second of the boot (${form})`, async (t) => {
    const path = poolOf(t);
    const boot = bootTime()!;
    const store = openPool(path);
    store.appendSync('a', '1');
    const { ino } = statSync(path);
    utimesSync(path, boot, boot);
    t.false(await run(store, form, 'isStale'));
    t.false(await run(store, form, 'clearIfStale'));
    t.is(store.size, 1);
    utimesSync(path, boot, boot - 0.5);
    t.true(await run(store, form, 'isStale'));
    t.true(await run(store, form, 'clearIfStale'));
    t.false(await run(store, form, 'isStale'));
    t.like(statSync(path), { ino, size: 0 });
  });

  test(`what others left broken makes the rest not unreadable (${form})`, async (t) => {
    const path = poolOf(t);
    const broken = [
      [Buffer.from('61ff62', 'hex'), 'not UTF-8'],
      ['k'.repeat(512), 'v'.repeat(2048)],
      ['', 'no key'],
      ['a', '1'],
    ] as const;
    writeFileSync(path, Buffer.concat([bytesOf(...broken), tornRecord(700)]));
    using store = openPool(path, patient);
    t.is(store.size, 4);
    t.is(await run(store, form, 'get', 'a'), '1');
    t.deepEqual(
      (await run(store, form, 'dump')).map(({ key }) => key),
      ['a\ufffdb', 'k'.repeat(512), '', 'a'],
    );
    const defects = [
      { record: 0, reason: 'invalid_utf8', field: 'key' },
      { record: 1, reason: 'missing_nul', field: 'key' },
      { record: 1, reason: 'missing_nul', field: 'value' },
      { record: 2, reason: 'empty_key', field: 'key' },
      { record: 4, reason: 'torn_tail' },
    ];
    t.deepEqual(await run(store, form, 'inspect'), defects as never);
    const actions = ['re-encoded', 're-encoded', 're-encoded', 'dropped', 'cut'];
    const repairs = defects.map((defect, i) => ({ ...defect, action: actions[i] }));
    t.deepEqual(await run(store, form, 'repair'), repairs as never);
    t.deepEqual(await run(store, form, 'inspect'), []);
    const mended = [
      ['a\ufffdb', 'not UTF-8'],
      ['k'.repeat(511), 'v'.repeat(2047)],
      ['a', '1'],
    ] as const;
    t.deepEqual(readFileSync(path), bytesOf(...mended));
  });
}

test('records come with their bytes when asked for, by both kinds of iteration', async (t) => {
  const path = poolOf(t);
  writeFileSync(path, bytesOf(['a', Buffer.from('c3a9c3', 'hex')], ['b', '2']));
  const store = openPool(path);
  const raw = [...store.recordsSync({ raw: true })];
  t.is(raw[0]?.value, 'é\ufffd');
  t.deepEqual(Buffer.from(raw[0]!.rawValue!), Buffer.from('c3a9c3', 'hex'));
  t.deepEqual(Buffer.from(raw[1]!.rawKey!), Buffer.from('b'));
  const later: unknown[] = [];
  for await (const record of store.records({ raw: true })) later.push(record);
  t.deepEqual(later, raw);
  t.deepEqual(Object.keys([...store.recordsSync()][0]!), ['key', 'value']);
});

test('records are read when the first is asked for', async (t) => {
  const store = openPool(poolOf(t));
  const records = store.records()[Symbol.asyncIterator]();
  store.appendSync('a', '1');
  t.deepEqual(await records.next(), { done: false, value: { key: 'a', value: '1' } });
  store.appendSync('b', '2');
  t.true((await records.next()).done);
});

test('a store follows its name: a file that was deleted is made anew', (t) => {
  const folder = folderOf(t);
  using store = openPool({ dir: folder, pool: 3 });
  t.is(store.path, join(folder, '.kvp_pool_3'));
  store.appendSync('a', '1');
  rmSync(store.path);
  t.is(store.size, 0);
  store.appendSync('b', '2');
  t.deepEqual(openPool(store.path).dumpSync(), [{ key: 'b', value: '2' }]);
});

test('what a file has beyond 256 MiB is not read, and a sparse file below it leaves no memory behind', (t) => {
  const path = poolOf(t);
  const message = `${path} has 268435457 bytes; a pool has at most 268435456. Give another path, or move the file away`;
  writeFileSync(path, '');
  truncateSync(path, 256 * 1024 * 1024 + 1);
  const refused = { code: 'ERR_KVP_MALFORMED_POOL', message };
  using store = openPool(path);
  t.throws(() => store.dumpSync(), refused);
  t.throws(() => store.setSync('a', '1'), refused);
  t.throws(() => openPool(path, { readOnly: true }).inspectSync(), refused);
  t.is(store.size, Math.floor((256 * 1024 * 1024) / RECORD_SIZE));
});

test.serial('the native store keeps no large buffer after a change', (t) => {
  if (chooseBackend() !== 'native') return t.pass();
  const path = poolOf(t);
  writeFileSync(path, bytesOf(['first', '']));
  const size = 40_000 * RECORD_SIZE;
  truncateSync(path, size);
  using store = openPool(path);
  const before = process.memoryUsage.rss();
  store.setSync('a', '1');
  t.is(store.size, 40_001);
  t.true(process.memoryUsage.rss() - before < size / 2);
});
