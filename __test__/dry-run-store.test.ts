import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import test from 'ava';
import { MalformedPoolError, openPool, type PoolStore } from '../src/index.ts';
import { RECORD_SIZE } from '../src/pool/limits.ts';
import { folderOf, poolOf } from './helpers/pool-folder.ts';

test('a dry run does to the records what the operations do, and nothing to the file', async (t) => {
  const dir = folderOf(t);
  const key = fc.constantFrom('a', 'b', 'c', 'ä');
  const records = fc.array(fc.record({ key, value: fc.constantFrom('1', '2', 'x y') }), { maxLength: 4 });
  const operation = fc.oneof(
    fc.tuple(key, records).map(([name, list]) => ({
      name: `set ${name}`,
      act: (store: PoolStore) => store.setSync(name, String(list.length)),
    })),
    records.map((list) => ({ name: 'append', act: (store: PoolStore) => store.appendSync(list) })),
    records.map((list) => ({ name: 'load', act: (store: PoolStore) => store.loadSync(list) })),
    fc.array(key, { maxLength: 2 }).map((keys) => ({
      name: `delete ${keys.join()}`,
      act: (store: PoolStore) => store.deleteSync(keys),
    })),
    fc.constant({ name: 'clear', act: (store: PoolStore) => store.clearSync() }),
    fc.constant({ name: 'repair', act: (store: PoolStore) => store.repairSync() }),
    fc.constant({ name: 'clearIfStale', act: (store: PoolStore) => store.clearIfStaleSync() }),
  );
  let number = 0;
  fc.assert(
    fc.property(records, fc.array(operation, { minLength: 1, maxLength: 4 }), (before, operations) => {
      const [real, dry] = [join(dir, `${++number}`), join(dir, `${number}.dry`)];
      for (const path of [real, dry]) openPool(path).loadSync(before);
      const bytes = readFileSync(dry);
      const { mtimeMs } = statSync(dry);
      const [store, rehearsed] = [openPool(real), openPool(dry, { dryRun: true })];
      for (const { act } of operations) {
        t.deepEqual(act(rehearsed), act(store));
        t.deepEqual(rehearsed.dumpSync(), store.dumpSync());
        t.is(rehearsed.size, store.size);
      }
      t.deepEqual(readFileSync(dry), bytes);
      t.is(statSync(dry).mtimeMs, mtimeMs);
    }),
    { numRuns: 25 },
  );
});

test('a dry run cuts a torn tail as the operations do', (t) => {
  for (const act of [
    (store: PoolStore) => store.appendSync('b', '2'),
    (store: PoolStore) => store.setSync('b', '2'),
    (store: PoolStore) => store.deleteSync('a'),
    (store: PoolStore) => store.repairSync(),
  ]) {
    const [real, dry] = [poolOf(t), poolOf(t)];
    for (const path of [real, dry]) {
      openPool(path).appendSync('a', '1');
      writeFileSync(path, 'torn', { flag: 'a' });
    }
    const [store, rehearsed] = [openPool(real), openPool(dry, { dryRun: true })];
    t.deepEqual(act(rehearsed), act(store));
    t.deepEqual(Buffer.from(rehearsed.bytesSync()), Buffer.from(store.bytesSync()));
    t.is(statSync(dry).size, 2564);
  }
});

test('a dry run empties a pool that is too large to be read, as clear does', (t) => {
  const path = poolOf(t);
  openPool(path).appendSync('a', '1');
  truncateSync(path, 200_000 * RECORD_SIZE);
  const store = openPool(path, { dryRun: true });
  t.throws(() => store.deleteSync('a'), { instanceOf: MalformedPoolError });
  store.clearSync();
  t.is(store.size, 0);
  t.is(statSync(path).size, 200_000 * RECORD_SIZE);
  openPool(path).clearSync();
  t.is(statSync(path).size, 0);
});

test('a dry run checks what it is given, and makes no file', async (t) => {
  const path = poolOf(t);
  const store = openPool(path, { dryRun: true, maxKeys: 1 });
  await store.set('a', '1');
  t.is(await store.get('a'), '1');
  t.deepEqual([await store.dump(), await store.inspect()], [[{ key: 'a', value: '1' }], []]);
  await t.throwsAsync(store.set('b', '1'), { code: 'ERR_KVP_POOL_FULL' });
  await t.throwsAsync(store.set('', '1'), { code: 'ERR_KVP_EMPTY_KEY' });
  t.false(existsSync(path));
  const missing = openPool(join(dirname(path), 'missing/pool'), { dryRun: true });
  await t.throwsAsync(missing.append('a', '1'), { code: 'ERR_KVP_IO', message: /ENOENT/ });
  t.is(await missing.delete('a'), 0);
});
