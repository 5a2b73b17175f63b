import { readFileSync, statSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { DiagLayout, diagKeyLayout } from '../src/diagnostics/write/diag-layout.ts';
import { nativeCore } from '../src/pool/binding.ts';
import { RECORD_SIZE } from '../src/pool/limits.ts';
import { openNative } from '../src/pool/native/native-writer.ts';
import { decodeRecords } from '../src/pool/record.ts';
import { hasNativeCore } from './helpers/native-core.ts';
import { poolOf } from './helpers/pool-folder.ts';

type Callable = Record<string, (...given: unknown[]) => unknown>;

function openStore(path: string): Callable {
  return nativeCore().openStore(path) as unknown as Callable;
}

test('an operation that there is not does nothing, and none is taken for another', (t) => {
  if (!hasNativeCore(t)) return;
  const path = poolOf(t);
  const store = openStore(path);
  for (const name of ['attempt', 'update', 'Append', '']) {
    t.throws(() => store[name]!('key\0value\0'), { instanceOf: TypeError });
  }
  t.throws(() => statSync(path), { code: 'ENOENT' });
});

test('what makes no records, and numbers that are none, are refused and change nothing', (t) => {
  if (!hasNativeCore(t)) return;
  const path = poolOf(t);
  const before = Buffer.alloc(RECORD_SIZE, 'key');
  writeFileSync(path, before);
  const store = openStore(path);
  const calls: [operation: string, ...given: unknown[]][] = [
    ['append', 'key\0'],
    ['append', 'key\0value'],
    ['append', '\0value\0'],
    ['append', `${'k'.repeat(512)}\0value\0`],
    ['append', `key\0${'v'.repeat(2048)}\0`],
    ['append', 1],
    ['append'],
    ['load', 'a\0b\0c\0'],
    ['load', null],
    ['set', '', 10],
    ['set', 'a\0b\0c\0d\0', 10],
    ['set', 'a\0b\0'],
    ['set', 'a\0b\0', '10'],
    ['set', 'a\0b\0', Number.NaN],
    ['set', 'a\0b\0', -1],
    ['set', 'a\0b\0', 1.5],
    ['delete', 'key'],
    ['delete', {}],
    ['clear', Number.NaN],
    ['clear', '1'],
    ['clear', Infinity],
    ['read', 1],
    ['read'],
  ];
  for (const [operation, ...given] of calls) {
    t.throws(() => store[operation]!(...given), undefined, `${operation} ${String(given)}`);
  }
  t.deepEqual(readFileSync(path), before);
});

const DIAG = { keys: diagKeyLayout('agent/1', 'vm'), dropReport: new DiagLayout().dropReport };

test('a channel of no numbers is not opened', (t) => {
  if (!hasNativeCore(t)) return;
  const path = poolOf(t);
  const options = {
    path,
    ...DIAG,
    maxRecords: 100,
    queueBytes: 4096,
    reservesFinishes: true,
    writeThrough: true,
  };
  for (const wrong of [
    { maxRecords: Number.NaN },
    { maxRecords: -1 },
    { queueBytes: 4096.5 },
    { queueBytes: 2 ** 60 },
    { staleBefore: Number.NaN },
  ]) {
    t.throws(() => openNative({ ...options, ...wrong }), { code: 'InvalidArg' }, JSON.stringify(wrong));
  }
  t.throws(() => statSync(path), { code: 'ENOENT' });
});

test('an entry with arguments that say nothing is counted as invalid, not written as another', (t) => {
  if (!hasNativeCore(t)) return;
  const path = poolOf(t);
  const writer = openNative({
    path,
    ...DIAG,
    maxRecords: 100,
    queueBytes: 65_536,
    reservesFinishes: true,
    writeThrough: true,
  });
  const { start, event, finish } = writer as unknown as Callable;
  const handle = writer.name('name');
  const calls: [emit: Callable[string] | undefined, ...given: unknown[]][] = [
    [event, 0, 0, 'no level', 'name'],
    [event, 0, 6, 'no level', 'name'],
    [event, 0, 2.5, 'no level', 'name'],
    [event, 0, '1', 'no level', 'name'],
    [event, 0, Number.NaN, 'no level', 'name'],
    [event, handle + 1, 3, 'a handle that was not given', 'name'],
    [event, -1, 3, 'no handle', 'name'],
    [event, undefined, 3, 'no handle', 'name'],
    [event, 0, 3, 'no name'],
    [event, 0, 3, { toString: () => 'no text' }, 'name'],
    [event, 0, 3, undefined, 'name'],
    [event],
    [start, handle, 3, 'no id', undefined, ''],
    [start, handle, 3, 'an id too long', 'i'.repeat(100), ''],
    [finish, handle, 3, 'no duration', 'id', '', undefined],
    [finish, handle, 3, 'no duration', 'id', '', Number.NaN],
    [finish, handle, 3, 'no duration', 'id', '', Infinity],
  ];
  for (const [emit, ...given] of calls) emit!(...given);
  event!(handle, 3, 'sound', '');
  t.true(writer.wait(10_000));
  const { accepted, written, dropped } = writer.stats();
  t.deepEqual([accepted, written], [calls.length + 1, 1]);
  // Of six the level is not known.
  t.deepEqual(dropped, { invalid: { ERROR: 6, INFO: calls.length - 6 } });
  t.deepEqual(
    decodeRecords(readFileSync(path)).map(({ value }) => value),
    ['sound'],
  );
  t.throws(() => writer.wait(Number.NaN), { code: 'InvalidArg' });
  t.throws(() => writer.isDrained(-1), { code: 'InvalidArg' });
  writer.close(0);
});
