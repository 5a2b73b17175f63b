import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deflateSync, gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { inspect } from '../src/pool/edit.ts';
import { RECORD_SIZE } from '../src/pool/limits.ts';
import { bytesOf, framedBytes, good, keyOf, payload, SAMPLE, VM } from './helpers/diag-records.ts';
import { processorTime } from './helpers/processor-time.ts';

const bomb = deflateSync(Buffer.alloc(17 * 1024 * 1024)).toString('base64');
const zipped = deflateSync('text');
/** The first chunk of a payload that packs into several. */
const packedStart = deflateSync(randomBytes(2000)).toString('base64').slice(0, 1022);

const UUID = 'ca59f7ea-5690-4543-875d-00c26fd2bc65';
const cloudInitKey = (piece: number | string = '', type = 'diagnostic'): string =>
  `CLOUD_INIT|1764000000|${type}|x|${UUID}${piece === '' ? '' : `|${piece}`}`;
const piece = (i: number | string, text: string): string =>
  `{"name":"x","type":"diagnostic","ts":"2026-11-22T18:10:40Z",${i === '' ? '' : `"msg_i":${i},`}"msg":"${text}"}`;
const azureInitKey = (): string => `azure-init-0.1.1|${VM}|INFO|m:s|${UUID}`;

const PROBLEMS: [what: string, reason: string, records: [string, string][]][] = [
  ['a later schema', 'unsupported_version', [[keyOf().replace('DIAG', 'DIAG2'), '']]],
  ['a missing first chunk', 'incomplete_group', [[keyOf({ chunk: 1 }), 'x']]],
  ['a gap', 'incomplete_group', [0, 2].map((chunk) => [keyOf({ chunk }), 'x'])],
  ['a huge index', 'incomplete_group', [[keyOf({ chunk: '9'.repeat(99) }), 'x']]],
  ['a repeated chunk', 'duplicate_chunk', [0, 1, 1].map((chunk) => [keyOf({ chunk }), 'x'])],
  ['an unknown encoding', 'undecodable', [[keyOf({ encoding: 'br+b64' }), 'x']]],
  ['an unknown encoding in a full chunk', 'undecodable', [[keyOf({ encoding: 'br+b64' }), 'x'.repeat(1022)]]],
  [
    'a packed payload that lacks its end',
    'incomplete_group',
    [[keyOf({ encoding: 'zlib+b64' }), packedStart]],
  ],
  ['bad base64', 'undecodable', [[keyOf({ encoding: 'zlib+b64' }), 'a b=']]],
  ['an empty packed payload', 'undecodable', [[keyOf({ encoding: 'gz+b64' }), '']]],
  ['gzip called zlib', 'undecodable', [[keyOf({ encoding: 'zlib+b64' }), gzipSync('x').toString('base64')]]],
  ['zlib called gzip', 'undecodable', [[keyOf({ encoding: 'gz+b64' }), zipped.toString('base64')]]],
  [
    'half a stream',
    'undecodable',
    [[keyOf({ encoding: 'zlib+b64' }), zipped.subarray(0, 6).toString('base64')]],
  ],
  [
    'more behind a stream',
    'undecodable',
    [[keyOf({ encoding: 'zlib+b64' }), Buffer.concat([zipped, Buffer.from('!')]).toString('base64')]],
  ],
  [
    'a payload that unpacks to more than 16 MiB',
    'undecodable',
    Array.from({ length: Math.ceil(bomb.length / 1022) }, (_, chunk) => [
      keyOf({ encoding: 'zlib+b64', chunk }),
      bomb.slice(chunk * 1022, (chunk + 1) * 1022),
    ]),
  ],
  ['too few fields', 'malformed', [['DIAG|agent', 'x']]],
  ['no fields', 'malformed', [['DIAG', 'x']]],
  ['too many fields', 'malformed', [[keyOf({ name: 'a|b' }), 'x']]],
  ['an empty field', 'malformed', [[keyOf({ id: '' }), 'x']]],
  ['another kind', 'malformed', [[keyOf({ kind: 'stop' }), 'x']]],
  ['no time', 'malformed', [[keyOf({ time: 'now' }), 'x']]],
  ['a time of another zone', 'malformed', [[keyOf({ time: '2026-11-22T18:09:14.704+00:00' }), 'x']]],
  ['a time with a tenth of a second', 'malformed', [[keyOf({ time: '2026-11-22T18:09:14.7Z' }), 'x']]],
  ['a bad chunk index', 'malformed', [[keyOf({ chunk: '-1' }), 'x']]],
  ['another result', 'malformed', [[keyOf({ result: 'maybe' }), 'x']]],
  ['a negative duration', 'malformed', [[keyOf({ duration: '-1' }), 'x']]],
  ['a duration with an exponent', 'malformed', [[keyOf({ duration: '1e3' }), 'x']]],
  ['a duration that ends with its point', 'malformed', [[keyOf({ duration: '1.' }), 'x']]],
  ['an endless duration', 'malformed', [[keyOf({ duration: '9'.repeat(400) }), 'x']]],
  ['a start with a result', 'malformed', [[keyOf({ kind: 'start', result: 'success' }), 'x']]],
  ['a finish without a duration', 'malformed', [[keyOf({ kind: 'finish', result: 'fail' }), 'x']]],
  ["a key that is not quite cloud-init's", 'malformed', [['CLOUD_INIT|1|start|x|y', '{}']]],
  ["a value of cloud-init's that is no JSON", 'malformed', [[cloudInitKey(), 'x']]],
  ['a time of its own', 'malformed', [[cloudInitKey(), '{"name":"x","type":"start","ts":"now","msg":""}']]],
  ['a message that lacks a piece', 'incomplete_group', [0, 2].map((i) => [cloudInitKey(i), piece(i, 'x')])],
  ['a message with a piece twice', 'duplicate_chunk', [0, 0].map((i) => [cloudInitKey(i), piece(i, 'x')])],
  ['a message whose last piece is missing', 'incomplete_group', [[cloudInitKey(0), piece(0, 'x\\')]]],
  ['a log that is not packed', 'undecodable', [[cloudInitKey('', 'compressed'), piece('', 'x')]]],
  ["neither a time nor two in azure-init's layout", 'malformed', [[azureInitKey(), 'Event: x']]],
  [
    'a chunk that may not be the last',
    'incomplete_group',
    [[keyOf(), `{"fields":{"message":"${'x'.repeat(999)}`]],
  ],
  ['a report whose quotes do not end', 'malformed', [['PROVISIONING_REPORT', 'result=success|"a=b']]],
  ['a report without names', 'malformed', [['PROVISIONING_REPORT', 'success']]],
];

for (const [what, reason, records] of PROBLEMS) {
  test(`${what} is ${reason} and harms nothing else`, (t) => {
    const { diagnostics, problems, unknown } = readDiagnosticsSync(bytesOf(good, ...records));
    t.like(problems, [{ reason, records: records.map((_, i) => i + 1) }]);
    t.is(problems.length, 1);
    t.not(problems[0]?.message, '');
    t.deepEqual(
      problems[0]?.raw.map(({ key, value }) => [key, value]),
      records,
    );
    t.deepEqual(unknown, []);
    t.deepEqual(
      diagnostics.map(({ message }) => message),
      ['good'],
    );
  });
}

test('one pool can not unpack to more than memory bears', (t) => {
  const packed = deflateSync(Buffer.alloc(15 * 1024 * 1024)).toString('base64');
  const records = Array.from({ length: 12 }, (_, i) => ({
    key: keyOf({ id: `e${i}`, encoding: 'zlib+b64' }),
    value: packed,
  }));
  const { diagnostics, problems } = readDiagnosticsSync(records);
  t.is(diagnostics.length, 8);
  t.is(problems.length, 4);
});

test('a torn tail is a problem, named as the inspection of a pool names it, and harms nothing else', (t) => {
  const whole = readFileSync(SAMPLE);
  const torn = Buffer.concat([whole, whole.subarray(0, 700)]);
  const { problems, ...content } = readDiagnosticsSync(torn);
  const { problems: none, ...expected } = readDiagnosticsSync(whole);
  t.deepEqual([content, none], [expected, []]);
  const [defect] = inspect(torn);
  t.like(problems, [{ reason: defect?.reason, records: [defect?.record] }]);
  t.is(problems.length, 1);
  t.true(readDiagnosticsSync(whole).diagnostics[0]?.records.includes(0));
  t.is(problems[0]?.raw[0]?.rawKey?.length, whole.indexOf(0));
});

test("keys that are simply others' are no problems", (t) => {
  const keys = [
    'DIAG2',
    'diag-1',
    'DIAG_1_level',
    'DIAG:80|on',
    'DIAG3|a|b|c',
    'DIAGNOSTICS|x',
    'CLOUD_INIT_2',
    'a|b|INFO|c',
  ];
  const { unknown, problems } = readDiagnosticsSync(
    bytesOf(...keys.map((key): [string, string] => [key, 'x'])),
  );
  t.deepEqual(problems, []);
  t.deepEqual(
    unknown.map(({ key }) => key),
    keys,
  );
});

/** Microseconds of processor time that V8 may take for itself at any moment. */
const PAUSE = 100_000;

/** Records of every format, a chunked payload, a packed one and a report. */
function everything(): Buffer {
  const samples = ['diag-azure-init', 'azure-init-0.1', 'cloud-init-26.2', 'cloud-init-22.4'];
  const entry = { kind: 'event', level: 3, time: 0, name: 'long', seconds: 0 } as const;
  return Buffer.concat([
    ...samples.map((name) => readFileSync(`__test__/fixtures/samples/${name}.kvp_pool`)),
    framedBytes({ ...entry, id: 'e1', payload: payload('é'.repeat(2000)) }),
    bytesOf(
      [keyOf({ id: 'e2', encoding: 'zlib+b64' }), deflateSync(payload('packed')).toString('base64')],
      ['PROVISIONING_REPORT', 'result=success|"a=b|c"'],
    ),
  ]);
}

test('a changed byte or a cut never throws and spoils nothing but its own record', (t) => {
  const whole = everything();
  const { diagnostics } = readDiagnosticsSync(whole);
  const started = process.cpuUsage();
  for (let i = 0; i < 10; i++) readDiagnosticsSync(whole);
  const sound = process.cpuUsage(started).user / 10;
  const used = fc
    .nat(whole.length / RECORD_SIZE - 1)
    .chain((record) => fc.nat(1600).map((at) => record * RECORD_SIZE + at));
  fc.assert(
    fc.property(used, fc.nat(255), (at, byte) => {
      const changed = Buffer.from(whole);
      changed[at] = byte;
      const started = process.cpuUsage();
      const read = readDiagnosticsSync(changed);
      t.true(process.cpuUsage(started).user <= 10 * sound + PAUSE);
      const record = Math.floor(at / RECORD_SIZE);
      // A chunked payload is one with the record that was changed.
      const expected = diagnostics.filter(({ records }) => !records.includes(record));
      const found = new Map(read.diagnostics.map((diagnostic) => [diagnostic.records.join(), diagnostic]));
      for (const diagnostic of expected) {
        t.deepEqual(found.get(diagnostic.records.join()), diagnostic);
      }
      const told = [
        ...read.diagnostics.flatMap(({ records }) => records),
        ...read.problems.flatMap(({ records }) => records),
        ...read.reports.flatMap(({ records }) => records),
        ...read.unknown.map(({ record: index }) => index),
      ];
      t.deepEqual(
        told.sort((a, b) => a - b),
        Array.from({ length: whole.length / RECORD_SIZE }, (_, i) => i),
      );
    }),
    { numRuns: 600 },
  );
  fc.assert(
    fc.property(fc.nat(whole.length), (end) => {
      const read = readDiagnosticsSync(whole.subarray(0, end));
      const left = Math.floor(end / RECORD_SIZE);
      const expected = diagnostics.filter(({ records }) => records.every((record) => record < left));
      for (const { id, text } of expected) {
        t.true(read.diagnostics.some((diagnostic) => diagnostic.id === id && diagnostic.text === text));
      }
    }),
    { numRuns: 100 },
  );
});

test('any records at all are read without throwing', (t) => {
  const field = fc.constantFrom(
    'DIAG',
    'DIAG2',
    'start',
    'finish',
    'event',
    '',
    '0',
    '1',
    'none',
    'gz+b64',
    'x',
  );
  const key = fc.array(field, { maxLength: 12 }).map((fields) => fields.join('|'));
  const record = fc.record({ key: fc.oneof(key, fc.string()), value: fc.oneof(fc.string(), fc.json()) });
  fc.assert(
    fc.property(fc.array(record), (records) => {
      t.notThrows(() => readDiagnosticsSync(records));
    }),
  );
});

test('a hundred thousand chunks take no longer than their number', (t) => {
  const records = Array.from({ length: 100_000 }, (_, chunk) => ({
    key: keyOf({ chunk }),
    value: 'x',
  })).reverse();
  const start = processorTime();
  t.is(readDiagnosticsSync(records).diagnostics[0]?.text.length, 100_000);
  t.true(processorTime() - start < 5000);
});
