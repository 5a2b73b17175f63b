import test from 'ava';
import fc from 'fast-check';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { fitReport, formatReport, parseReport, REPORT_KEY } from '../src/diagnostics/report/report.ts';
import { ReportError, ValueTooLongError } from '../src/errors.ts';
import { Fields } from '../src/tracing/fields.ts';

const text = fc
  .oneof(
    fc.string({ unit: fc.constantFrom('a', '|', '"', "'", '=', '\r', '\n', ' ', 'é', '😀'), maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
  )
  .map((any) => any.replaceAll('\0', '').toWellFormed());
const name = text.filter((any) => any !== '' && !any.includes('='));
const entry = fc.dictionary(
  name.filter((any) => !/^(result|reason|pps_type|[0-9]+)$/.test(any)),
  text,
  { maxKeys: 4 },
);

test('what is formatted is parsed as it was, and formats to the same again', (t) => {
  const report = fc.oneof(
    entry.map((extras) => ({ result: 'success', pps_type: 'Running', ...extras })),
    fc.tuple(text, entry).map(([reason, extras]) => ({ result: 'error', reason, ...extras })),
  );
  fc.assert(
    fc.property(report, (fields) => {
      const line = formatReport(fields);
      t.deepEqual({ ...parseReport(line) }, { ...fields });
      t.is(formatReport(parseReport(line)), line);
    }),
  );
});

test('the fields are in the order of azure-init, extras between, whatever order they came in', (t) => {
  const own = {
    timestamp: 'T',
    vm_id: 'v',
    extra: 1,
    pps_type: 'None',
    agent: 'a/1',
    reason: 'r',
    more: true,
  };
  t.is(
    formatReport({ ...own, documentation_url: 'u', result: 'error' }),
    'result=error|reason=r|agent=a/1|extra=1|more=true|pps_type=None|vm_id=v|timestamp=T|documentation_url=u',
  );
  t.is(
    formatReport({ ...own, result: 'success' }),
    'result=success|agent=a/1|pps_type=None|vm_id=v|timestamp=T|extra=1|more=true',
  );
});

test('a parsed report has no prototype, its first value of each name, and no names of its own', (t) => {
  const report = parseReport('result=success|a=1|a=2|__proto__=x|constructor=y|text=z');
  t.is(Object.getPrototypeOf(report), null);
  t.deepEqual(Object.keys(report), ['result', 'a', '__proto__', 'constructor', 'text']);
  t.is(report['a'], '1');
  t.deepEqual(
    readDiagnosticsSync([{ key: REPORT_KEY, value: 'result=success|text=z|records=y' }]).reports[0]?.records,
    [0],
  );
});

test('the report of a real cloud-init is read', (t) => {
  const pool = new URL('fixtures/samples/cloud-init-26.2.kvp_pool', import.meta.url).pathname;
  const [report, ...others] = readDiagnosticsSync(pool).reports;
  t.deepEqual(others, []);
  t.deepEqual(Object.entries(report ?? {}), [
    ['result', 'success'],
    ['agent', 'Cloud-Init/26.2'],
    ['pps_type', 'None'],
    ['vm_id', '3f2504e0-4f89-41d3-9a0c-0305e82c3301'],
    ['timestamp', '2026-08-31T12:00:09+00:00'],
  ]);
  t.deepEqual(report?.records, [16]);
});

test('what can not stand in a report is refused or made to', (t) => {
  const extras = {
    '': 1,
    'a=b': 2,
    result: 3,
    reason: 4,
    timestamp: 5,
    pps_type: 'Wrong',
    'n\0': 'x\0\ud800',
    gone: undefined,
  };
  const { text: line, refused } = fitReport({ result: 'success', timestamp: 'T' }, Fields.of(extras));
  t.is(line, 'result=success|pps_type=None|timestamp=T|n\ufffd=x\ufffd\ufffd');
  t.deepEqual(refused, ['', 'a=b', 'result', 'reason', 'timestamp', 'pps_type']);
  for (const wrong of [{}, { result: 'fail' }, { result: 1 }, null]) {
    t.throws(() => formatReport(wrong as never), {
      instanceOf: ReportError,
      message: /must be success or error/,
    });
  }
  t.throws(() => parseReport(7 as never), { instanceOf: ReportError, code: 'ERR_KVP_MALFORMED_REPORT' });
});

test('a reason is shortened first, then extras go from the last on, then the URL of the documentation', (t) => {
  const reason = 'é'.repeat(600);
  const own = { result: 'error', reason, agent: 'a/1', documentation_url: 'https://u' };
  const sized = (...sizes: number[]) =>
    fitReport(own, Fields.of(Object.fromEntries(sizes.map((size, i) => [`x${i}`, 'x'.repeat(size)]))));

  const first = sized(100, 100);
  t.deepEqual(first.refused, []);
  t.true(first.isShortened);
  // Not one more character would fit.
  t.true(Buffer.byteLength(first.text) > 1020 && Buffer.byteLength(first.text) <= 1022);
  t.regex(first.text, /\|reason=é+…\|/);

  t.deepEqual(sized(700, 300, 1).refused, ['x2', 'x1']);
  t.true(Buffer.byteLength(parseReport(sized(800).text).reason ?? '') >= 64);
  const short = fitReport({ ...own, reason: 'short' }, Fields.of({ large: 'x'.repeat(2000) }));
  t.deepEqual([short.refused, short.isShortened], [['large'], false]);

  const url = fitReport({ ...own, documentation_url: 'u'.repeat(1000) }, Fields.of({ a: 1 }));
  t.deepEqual(url.refused, ['a', 'documentation_url']);
  t.throws(() => formatReport({ ...own, agent: 'a'.repeat(1000) }), { instanceOf: ValueTooLongError });
});

test('extras that set a field are refused where they leave no room, and the field stays', (t) => {
  const own = { result: 'error', reason: 'r', agent: 'a/1', vm_id: 'v' };
  const fitted = (extras: object) => fitReport(own, Fields.of(extras));
  t.deepEqual(fitted({ agent: 'x'.repeat(2000), a: 1 }), {
    text: 'result=error|reason=r|agent=a/1|a=1|vm_id=v',
    refused: ['agent'],
    isShortened: false,
  });
  t.like(fitted({ agent: 'x'.repeat(2000), vm_id: 'y'.repeat(2000) }), {
    text: 'result=error|reason=r|agent=a/1|vm_id=v',
    refused: ['vm_id', 'agent'],
  });
  t.deepEqual(fitted({ agent: 'x'.repeat(900), a: 'z'.repeat(100) }).refused, ['a']);
});

test('whatever is reported fits, keeps 64 bytes of the reason, and is cut at a character that people see', (t) => {
  const long = fc.string({
    unit: fc.constantFrom('a', '|', '"', 'é', '👩‍👩‍👧', '🇪🇺'),
    maxLength: 2000,
    size: 'max',
  });
  fc.assert(
    fc.property(long, fc.dictionary(name, long, { maxKeys: 5 }), (reason, extras) => {
      const fitted = fitReport({ result: 'error', reason, agent: 'a/1' }, Fields.of(extras));
      t.true(Buffer.byteLength(fitted.text) <= 1022);
      const told = parseReport(fitted.text).reason ?? '';
      t.is(fitted.isShortened, told !== reason);
      if (!fitted.isShortened) return;
      const start = told.slice(0, -1);
      t.true(told.endsWith('…') && reason.startsWith(start) && Buffer.byteLength(start) >= 64);
      const cuts = Array.from(new Intl.Segmenter().segment(reason), ({ index }) => index);
      const before = cuts.findLast((cut) => cut <= start.length) ?? 0;
      // Where a cut before the character would leave too little, it goes through it.
      t.true(before === start.length || Buffer.byteLength(reason.slice(0, before)) < 64);
    }),
    { numRuns: 60 },
  );
  const endless = `e${'\u0301'.repeat(2000)}`;
  const told = parseReport(formatReport({ result: 'error', reason: endless })).reason ?? '';
  t.true(told.length > 400 && endless.startsWith(told.slice(0, -1)));
});

test('ten thousand extras and megabytes of text are no trouble', (t) => {
  const extras = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x${i}`, 'x']));
  const { text: line, refused } = fitReport(
    { result: 'error', reason: 'x"'.repeat(2 ** 20) },
    Fields.all(extras),
  );
  t.true(Buffer.byteLength(line) <= 1022);
  t.true(refused.length > 9000);
});
