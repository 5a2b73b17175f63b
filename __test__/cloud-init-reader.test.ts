import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { readPool } from '../src/pool/read-pool.ts';
import { type CloudInitEvent, reportByCloudInit } from './helpers/cloud-init-events.ts';
import { VM } from './helpers/diag-records.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { cloudInitMissing } from './helpers/writer-program.ts';

const samples = '__test__/fixtures/samples';
const golden = '__test__/fixtures/golden/cloud-init';
const UUID = 'ca59f7ea-5690-4543-875d-00c26fd2bc65';

/** What is left of a diagnostic when it is compared with the event that it was. */
function eventOf({ kind, name, text, result, fields }: Diagnostic): CloudInitEvent {
  const type = kind === 'event' ? (fields['type'] as 'diagnostic') : kind;
  const word = result === undefined ? fields['result'] : result === 'success' ? 'SUCCESS' : 'FAIL';
  return { type, name, text, ...(word !== undefined && { result: word as 'WARN' }) };
}

test("every event of cloud-init's own pool comes back", (t) => {
  const { diagnostics, problems, unknown, reports } = readDiagnosticsSync(
    `${samples}/cloud-init-26.2.kvp_pool`,
  );
  t.deepEqual([problems, unknown], [[], []]);
  t.is(reports.length, 1);
  for (const diagnostic of diagnostics)
    t.like(diagnostic, { format: 'cloud-init', agent: 'cloud-init', vmId: VM });
  t.deepEqual(
    diagnostics.map(({ kind, name, result, duration, records }) => [
      kind,
      name,
      result,
      duration,
      records.length,
    ]),
    [
      ['start', 'init-network', undefined, undefined, 1],
      ['start', 'init-network/search-Azure', undefined, undefined, 1],
      ['event', 'boot-telemetry', undefined, undefined, 1],
      ['event', 'long', undefined, undefined, 7],
      ['finish', 'init-network/search-Azure', 'success', 2.511, 1],
      ['finish', 'init-network', 'success', 3.25, 1],
      ['event', 'cloud-init.log', undefined, undefined, 4],
    ],
  );
  t.is(diagnostics[0]?.message, 'searching for network datasources');
  t.is(diagnostics[0]?.time.toISOString(), '2026-11-22T18:10:40.263Z');
  t.is(
    diagnostics[2]?.message,
    'kernel_start=2026-08-31T12:00:00+00:00 user_start=… "quoted" \\ back\nline 日本 🚀',
  );
  t.is(diagnostics[3]?.message, 'café "q" \\ \n'.repeat(300));
  t.is(diagnostics[6]?.text.split('\n').filter((line) => line !== '').length, 150);
  t.is(diagnostics[6]?.message, undefined);
});

test('keys without the id of the VM are read, too', (t) => {
  const { diagnostics, problems } = readDiagnosticsSync(`${samples}/cloud-init-22.4.kvp_pool`);
  t.deepEqual(problems, []);
  t.deepEqual(
    diagnostics.map(({ kind, name, vmId, result }) => [kind, name, vmId, result]),
    [
      ['start', 'init-local', '', undefined],
      ['event', 'd', '', undefined],
      ['finish', 'init-local', '', 'success'],
    ],
  );
  t.is(diagnostics[1]?.message, 'x "y" \\u €'.repeat(200));
});

test('the golden pool says what cloud-init was told to report', (t) => {
  const events = JSON.parse(readFileSync(`${golden}.json`, 'utf8')) as CloudInitEvent[];
  const { diagnostics, problems } = readDiagnosticsSync(`${golden}.kvp_pool`);
  t.deepEqual(problems, []);
  t.deepEqual(diagnostics.map(eventOf), events);
});

test("whatever cloud-init's handler is told to report comes back", (t) => {
  if (!has(t, cloudInitMissing)) return;
  const pool = join(folderOf(t), 'pool');
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc
      .tuple(
        fc.constantFrom('"', '\\', '\\u00', '\n', 'é', '😀', 'x', '"msg":"', '\u007f'),
        fc.integer({ min: 1, max: 3000 }),
      )
      .map(([piece, times]) => piece.repeat(Math.ceil(times / piece.length))),
    fc.string({ minLength: 900, maxLength: 1200 }),
  );
  const name = fc.constantFrom('init-local', 'modules-final/config-x', 'a|b', 'azure-ds/get "q"', 'é');
  const event = fc.oneof(
    fc.record({ type: fc.constant('start'), name, text }),
    fc.record({ type: fc.constantFrom('diagnostic', 'compressed'), name, text }),
    fc.record({
      type: fc.constant('finish'),
      name,
      text,
      result: fc.constantFrom('SUCCESS', 'WARN', 'FAIL'),
    }),
  ) as fc.Arbitrary<CloudInitEvent>;
  const events = fc.sample(event, 300);
  reportByCloudInit(pool, events);
  const { diagnostics, problems, unknown } = readDiagnosticsSync(pool);
  t.deepEqual([problems, unknown], [[], []]);
  t.deepEqual(diagnostics.map(eventOf), events);
});

test('fragments may lie in any order, between others', (t) => {
  const records = [...readPool(`${samples}/cloud-init-26.2.kvp_pool`)];
  const expected = readDiagnosticsSync(records)
    .diagnostics.map(({ id, text }) => [id, text])
    .sort();
  fc.assert(
    fc.property(fc.shuffledSubarray(records, { minLength: records.length }), (shuffled) => {
      const { diagnostics, problems } = readDiagnosticsSync(shuffled);
      t.deepEqual(problems, []);
      t.deepEqual(diagnostics.map(({ id, text }) => [id, text]).sort(), expected);
    }),
    { numRuns: 50 },
  );
});

for (const [what, pack] of [
  ['zlib', deflateSync],
  ['gzip', gzipSync],
] as const) {
  test(`a compressed log may be packed by ${what}`, (t) => {
    const log = 'a line of the log\n'.repeat(20);
    const data = pack(log).toString('base64').replace(/.{76}/g, '$&\n');
    const value = JSON.stringify({
      name: 'cloud-init.log',
      type: 'compressed',
      ts: '2026-11-22T18:10:40.263+00:00',
      msg: JSON.stringify({ encoding: 'gz+b64', data }),
    });
    const [diagnostic] = readDiagnosticsSync([
      { key: `CLOUD_INIT|1|compressed|cloud-init.log|${UUID}`, value },
    ]).diagnostics;
    t.is(diagnostic?.text, log);
  });
}

test('what else a value says is kept among the fields', (t) => {
  const value = JSON.stringify({
    name: 'x',
    type: 'finish',
    ts: '2026-11-22T18:10:40+00:00',
    result: 'WARN',
    duration: -1,
    origin: { file: 'main.py' },
    msg: 'm',
  });
  const [diagnostic] = readDiagnosticsSync([{ key: `CLOUD_INIT|1|finish|x|${UUID}`, value }]).diagnostics;
  t.false('result' in (diagnostic ?? {}));
  t.false('duration' in (diagnostic ?? {}));
  t.deepEqual({ ...diagnostic?.fields }, { result: 'WARN', duration: -1, origin: { file: 'main.py' } });
});
