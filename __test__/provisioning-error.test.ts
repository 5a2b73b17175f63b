import test from 'ava';
import fc from 'fast-check';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { ProvisioningError } from '../src/diagnostics/report/provisioning-error.ts';
import { formatReport, parseReport } from '../src/diagnostics/report/report.ts';
import { parseSupportingData } from '../src/diagnostics/report/supporting-data.ts';
import { OptionError, ReportError } from '../src/errors.ts';
import { csvMissing, readByPython, writtenByPython } from './helpers/csv.ts';
import { has } from './helpers/pool-folder.ts';

const FIELDS = new Set(['result', 'reason', 'agent', 'pps_type', 'vm_id', 'timestamp', 'documentation_url']);
/** Any text, rich in what reports are made of; never a NUL or half of a character. */
const text = fc
  .oneof(
    fc.string({ unit: fc.constantFrom('a', '|', '"', "'", '=', ',', '\r', '\n', ' ', 'é', '😀') }),
    fc.string({ unit: 'grapheme' }),
  )
  .map((any) => any.replaceAll('\0', '').toWellFormed());
const name = text.filter((any) => any !== '' && !any.includes('=') && !FIELDS.has(any));
const data = fc.dictionary(name, text, { maxKeys: 6 });

/** The same without its prototype, as `t.deepEqual` tells them apart. */
function plain(record: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record));
}

test('an error is the same after a report of it was parsed, whatever its texts', (t) => {
  fc.assert(
    fc.property(text, data, fc.option(text, { nil: undefined }), (reason, supportingData, url) => {
      const options = { supportingData, ...(url !== undefined && { documentationUrl: url }) };
      const error = new ProvisioningError(reason, options);
      const parsed = ProvisioningError.parse(error.toReport());
      t.is(parsed.reason, reason);
      t.deepEqual(plain(parsed.supportingData), plain(supportingData));
      t.is(parsed.documentationUrl, url);
    }),
  );
});

test('an error is a usual Error with texts', (t) => {
  const cause = new Error('disk');
  const supportingData = { code: 5, big: 2n, ok: true, at: new Date(0), none: undefined, deep: { a: [1] } };
  const error = new ProvisioningError('no disk', { supportingData, cause });
  t.true(error instanceof Error);
  t.is(String(error), 'ProvisioningError: no disk');
  t.is(error.cause, cause);
  t.false('documentationUrl' in error);
  t.is(
    error.toReport(),
    'result=error|reason=no disk|code=5|big=2|ok=true|at=1970-01-01T00:00:00.000Z|deep={ a: [ 1 ] }',
  );
  t.is(Object.getPrototypeOf(error.supportingData), null);
});

test('a report in any spelling becomes an error, without who reported it', (t) => {
  const spellings = [
    `result=error|"reason=a|b ""c"" it's"|agent=azure-init/0.1|"k=x|y"|pps_type=None|vm_id=1|timestamp=2026-01-01T00:00:00Z|documentation_url=https://u`,
    `result=error|'reason=a|b "c" it''s'|agent=Cloud-Init/24.1|'k=x|y'|vm_id=1|timestamp=2026-01-01T00:00:00|documentation_url=https://u\r\n`,
  ];
  for (const spelling of spellings) {
    const error = ProvisioningError.parse(spelling);
    t.is(error.reason, `a|b "c" it's`);
    t.deepEqual(plain(error.supportingData), { k: 'x|y' });
    t.is(error.documentationUrl, 'https://u');
  }
});

test('what is no failure report is refused with what is wrong', (t) => {
  const wrong = {
    'result=success|agent=a': /must have result=error and a reason/,
    'result=error|agent=a': /must have result=error and a reason/,
    'result=error|"reason=a': /quoted field of the report does not end/,
    'result=error|"reason=a"b': /quoted field of the report does not end/,
    'result=error|reason': /a field of the report is not key=value/,
    '': /a field of the report is not key=value/,
  };
  for (const [given, message] of Object.entries(wrong)) {
    const error = t.throws(() => ProvisioningError.parse(given), { instanceOf: ReportError, message }, given);
    t.is(error?.code, 'ERR_KVP_MALFORMED_REPORT');
  }
  t.throws(() => ProvisioningError.parse(undefined as never), { instanceOf: ReportError });
});

test('names that can pass for nothing else are left out of a report, and stay with the error', (t) => {
  const supportingData = { reason: 'x', result: 'success', timestamp: '1', 'a=b': '2', '': '3', ok: '4' };
  const error = new ProvisioningError('why', { supportingData });
  t.is(error.toReport(), 'result=error|reason=why|ok=4');
  t.is(error.supportingData['a=b'], '2');
});

test('supporting data of the command line is split outside of quotes', (t) => {
  const read = (given: string) => Object.entries(parseSupportingData(given));
  t.deepEqual(read('a=1'), [['a', '1']]);
  t.deepEqual(read(`a=1,b='x,y',c="it's, so",d=,e=f=g,a=2`), [
    ['a', '1'],
    ['b', 'x,y'],
    ['c', "it's, so"],
    ['d', ''],
    ['e', 'f=g'],
  ]);
  t.deepEqual(read(`k=it's,__proto__=x`), [
    ['k', "it's"],
    ['__proto__', 'x'],
  ]);
  t.is(Object.getPrototypeOf(parseSupportingData('a=1')), null);
});

test('supporting data that is not key=value is refused with a message that says so', (t) => {
  for (const given of [
    '',
    'a',
    'a=1,',
    'a=1,,b=2',
    ',a=1',
    '=1',
    'a=1,=2',
    `a='b`,
    'a="b',
    `a='b'c`,
    'a,b=1',
  ]) {
    t.throws(() => parseSupportingData(given), { instanceOf: OptionError, message: /key=value/ }, given);
  }
  t.throws(() => parseSupportingData(1 as never), { instanceOf: OptionError });
});

test('supporting data never hangs and only throws what it says', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '=', ',', "'", '"') }), (given) => {
      try {
        t.true(Object.keys(parseSupportingData(given)).every((key) => key !== ''));
      } catch (error) {
        t.true(error instanceof OptionError);
      }
    }),
  );
});

/** Reasons and supporting data that both sides write and read. */
const samples = fc.sample(fc.tuple(text, data), { numRuns: 300, seed: 7 });
const listOf = (report: object): string[] => Object.entries(report).map(([key, value]) => `${key}=${value}`);

for (const quote of ["'", '"'] as const) {
  test(`what Python writes with ${quote} is read as it was`, (t) => {
    if (!has(t, csvMissing)) return;
    // Whoever starts a field with the other one's quote can not be told from them.
    const legal = samples.filter(([, extras]) => Object.keys(extras).every((key) => !/^['"]/.test(key)));
    t.true(legal.length > 100);
    const reports = legal.map(([reason, extras]) => ({
      result: 'error',
      reason,
      agent: 'Cloud-Init/24.1',
      ...extras,
      vm_id: 'vm',
      documentation_url: 'https://aka.ms/linuxprovisioningerror',
    }));
    const texts = writtenByPython(quote, reports.map(listOf));
    texts.forEach((line, index) => {
      t.deepEqual(plain(parseReport(line)), plain(reports[index] as object), line);
      t.is(ProvisioningError.parse(line).reason, reports[index]?.reason as string);
    });
  });
}

test('what is written here, Python reads as it was', (t) => {
  if (!has(t, csvMissing)) return;
  const reports = samples.map(([reason, extras]) => ({ result: 'error', reason, ...extras }));
  const texts = reports.map((report) => formatReport(report));
  const errors = samples.map(([reason, supportingData]) => new ProvisioningError(reason, { supportingData }));
  t.deepEqual(readByPython('"', texts), texts.map(parseReport).map(listOf));
  t.deepEqual(
    readByPython(
      '"',
      errors.map((error) => error.toReport()),
    ),
    reports.map(listOf),
  );
});

test('of a report that was cut within a field, the fields before that are there, and it says so', (t) => {
  const head = 'result=error|reason=timed out|agent=Cloud-Init/24.4';
  for (const filler of ["'traceback=a|b", '"traceback=a""b', 'traceback']) {
    const cut = `${head}|${filler}`.padEnd(1023, 'é');
    const report = parseReport(cut);
    t.deepEqual({ ...report }, { result: 'error', reason: 'timed out', agent: 'Cloud-Init/24.4' });
    t.true(report.truncated);
    const { reports, problems } = readDiagnosticsSync([{ key: 'PROVISIONING_REPORT', value: cut }]);
    t.is(problems.length, 0);
    t.true(reports[0]?.truncated);
  }
  const unquoted = parseReport(`${head}|extra=`.padEnd(1023, 'x'));
  t.true(unquoted.truncated);
  t.is(unquoted.agent, 'Cloud-Init/24.4');
  t.false(parseReport(`${head}|extra=`.padEnd(1022, 'x')).truncated);
  t.false(parseReport(head).truncated);
  for (const none of [`"reason=${'x'.repeat(1015)}`, `${head}|"a=b`, `${head}|"a=b"c${'x'.repeat(1000)}`]) {
    t.throws(() => parseReport(none), { code: 'ERR_KVP_MALFORMED_REPORT' });
  }
});
