import { writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { readDiagnostics, readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { openPool } from '../src/pool/open-pool.ts';
import { bytesOf, keyOf, payload, SAMPLE } from './helpers/diag-records.ts';
import { poolOf } from './helpers/pool-folder.ts';

/** Parts of keys, some of them not UTF-8, not ASCII, or the same text by different bytes. */
const PART = ['DIAG', 'DIAG2', 'CLOUD_INIT', 'event', '', '0', '1', 'none', 'x', 'ä', '\xff', '\xfe', '\0'];
const key = fc
  .array(fc.constantFrom(...PART), { maxLength: 12 })
  .map((parts) => Buffer.from(parts.join('|'), 'latin1'));
const chunk = fc
  .record({ id: fc.constantFrom('a', 'b', 'é'), chunk: fc.constantFrom(0, 1, 2, '', 'x') })
  .map((given) => Buffer.from(keyOf(given)));
const value = fc.oneof(
  fc
    .constantFrom(payload('done'), payload('fertig: größer'), '{"fields":', '', 'x'.repeat(2048))
    .map(Buffer.from),
  fc.uint8Array({ maxLength: 2048 }).map((bytes) => Buffer.from(bytes)),
);
const whole = fc.constant(Buffer.from('k'.repeat(512)));
const record = fc.tuple(fc.oneof(chunk, chunk, key, whole), value);

test('a file says what its bytes say, whatever is in it', async (t) => {
  const path = poolOf(t);
  await fc.assert(
    fc.asyncProperty(fc.array(record, { maxLength: 12 }), fc.nat(2559), async (records, missing) => {
      const pool = bytesOf(...records);
      const bytes = missing % 3 === 0 ? pool.subarray(0, pool.length - missing) : pool;
      writeFileSync(path, bytes);
      const expected = readDiagnosticsSync(bytes);
      t.true(isDeepStrictEqual(readDiagnosticsSync(path), expected));
      t.true(isDeepStrictEqual(await readDiagnostics(path), expected));
    }),
    { numRuns: 500 },
  );
});

test('a long file says what its bytes say, where some of its texts are not ASCII', (t) => {
  const path = poolOf(t);
  const records = Array.from({ length: 4000 }, (_, i): [string, string] => [
    keyOf({ id: `e${Math.floor(i / 2)}`, chunk: i % 2 }),
    i % 2 === 0 ? '{"fields":{"message":' : `"${i === 2047 ? 'größer' : i}"}}`,
  ]);
  for (const pool of [
    bytesOf(...records),
    bytesOf(...records.toReversed()),
    bytesOf(...records.slice(0, 1024)),
  ]) {
    writeFileSync(path, pool);
    const { diagnostics, ...rest } = readDiagnosticsSync(path);
    t.is(diagnostics.length, pool.length / 2560 / 2);
    t.true(isDeepStrictEqual({ diagnostics, ...rest }, readDiagnosticsSync(pool)));
  }
});

test('a pool that is changed in memory says what it would', (t) => {
  const path = poolOf(t);
  const pool = openPool(path, { dryRun: true, limits: 'wire' });
  pool.loadSync(openPool(SAMPLE).dumpSync());
  t.deepEqual(readDiagnosticsSync(pool), readDiagnosticsSync(SAMPLE));
});
