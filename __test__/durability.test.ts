import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { EmitKVPLayer, type EmitKVPLayerOptions } from '../src/layers/emit-kvp-layer.ts';
import { RECORD_SIZE } from '../src/pool/limits.ts';
import { readPool } from '../src/pool/read-pool.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { holdLock } from './helpers/lock-holder.ts';
import { poolOf } from './helpers/pool-folder.ts';

interface Set {
  path: string;
  layer: EmitKVPLayer;
  problems: Error[];
  info: (message: string) => void;
}

function setUp(t: ExecutionContext, options: EmitKVPLayerOptions = {}): Set {
  const path = poolOf(t);
  const problems: Error[] = [];
  const layer = new EmitKVPLayer({
    path,
    vmId: 'vm',
    onProblem: (problem) => problems.push(problem),
    ...options,
  });
  const registry = new Registry().with(layer);
  t.teardown(() => registry.shutdown());
  return { path, layer, problems, info: (message) => withDefault(registry, () => target('t').info(message)) };
}

test('what is written through is in the file when the call returns', (t) => {
  const { path, info } = setUp(t, { durability: 'write-through' });
  for (let round = 1; round <= 20; round++) {
    info('text');
    t.is(readPool(path).length, round);
  }
});

test('a held lock is not waited for even when writing through', async (t) => {
  const { path, layer, info } = setUp(t, { durability: 'write-through' });
  info('first');
  const release = await holdLock(t, 'flock', path);
  const started = performance.now();
  for (let i = 0; i < 100; i++) info('held');
  t.true(performance.now() - started < 5000);
  await release();
  t.like(await layer.flush(), { complete: true, dropped: 0 });
  t.is(readPool(path).length, 101);
});

test('records that somebody took away are counted and said once', async (t) => {
  const { path, layer, problems, info } = setUp(t);
  for (let i = 0; i < 3; i++) info('text');
  await layer.flush();
  truncateSync(path, RECORD_SIZE);
  info('text');
  await layer.flush();
  t.is(layer.stats().missing, 2);
  truncateSync(path, 0);
  info('text');
  const { complete, problems: again } = await layer.flush();
  t.false(complete, 'each flush says what has gone since');
  t.regex(again[0]?.message ?? '', /^4 records are gone from the pool/);
  t.deepEqual(await layer.flush(), { complete: true, dropped: 0, problems: [] });
  t.is(layer.stats().missing, 4);
  t.like(problems, { length: 1, 0: { code: 'ERR_KVP_DROPPED' } });
  t.regex(problems[0]!.message, /^2 records are gone from the pool/);
});

test('a pool that is deleted is made anew, and what was in it is counted as gone', async (t) => {
  const { path, layer, info } = setUp(t);
  info('gone');
  await layer.flush();
  rmSync(path);
  info('new');
  await layer.flush();
  t.is(readFileSync(path).length, RECORD_SIZE);
  t.like(layer.stats(), { written: 2, missing: 1 });
});

test('a program that never flushes hears of what was dropped within seconds', async (t) => {
  const { problems, info } = setUp(t, { maxRecords: 2 });
  for (let i = 0; i < 10; i++) info('text');
  for (let i = 0; i < 100 && problems.length === 0; i++) await sleep(100);
  t.regex(problems[0]?.message ?? '', /^the pool misses 9 records: 9 INFO \(budget\)$/);
});

test('it also hears of what is dropped only once a lock that was held for longer is free', async (t) => {
  const { path, problems, info } = setUp(t, { maxRecords: 2 });
  writeFileSync(path, '');
  const release = await holdLock(t, 'flock', path);
  for (let i = 0; i < 10; i++) info('text');
  await sleep(1500);
  t.deepEqual(problems, []);
  await release();
  for (let i = 0; i < 100 && problems.length === 0; i++) await sleep(100);
  t.regex(problems[0]?.message ?? '', /^the pool misses 9 records: 9 INFO \(budget\)$/);
});

test('a durability that there is not is refused', (t) => {
  t.throws(() => setUp(t, { durability: 'sync' as 'queued' }), {
    code: 'ERR_KVP_INVALID_OPTION',
    message: `durability must be 'queued' or 'write-through', not "sync"`,
  });
});
