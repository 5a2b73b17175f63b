import test from 'ava';
import fc from 'fast-check';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { Allowance } from '../src/diagnostics/allowance.ts';
import { readDebugFields } from '../src/diagnostics/collect/debug-fields.ts';
import { bytesOf, VM } from './helpers/diag-records.ts';

const SAMPLE = '__test__/fixtures/samples/azure-init-0.1.kvp_pool';
const UUID = 'ca59f7ea-5690-4543-875d-00c26fd2bc65';
const keyOf = (name: string, level = 'INFO') => `azure-init-0.1.1|${VM}|${level}|${name}|${UUID}`;

test("every event and span of azure-init's own pool comes back", (t) => {
  const { diagnostics, problems, unknown } = readDiagnosticsSync(SAMPLE);
  t.deepEqual([problems, unknown], [[], []]);
  const common = { format: 'azure-init', agent: 'azure-init-0.1.1', vmId: VM, target: 'bench::sample' };
  for (const diagnostic of diagnostics) t.like(diagnostic, common);
  t.deepEqual(
    diagnostics.map(({ kind, level, name, message }) => [kind, level, name, message]),
    [
      ['event', 'INFO', 'provision_user', 'Starting user provisioning'],
      ['event', 'INFO', 'configure_ssh_keys', 'Configuring SSH keys'],
      ['event', 'DEBUG', 'configure_ssh_keys', 'Processing SSH key'],
      ['event', 'DEBUG', 'configure_ssh_keys', 'Processing SSH key'],
      ['event', 'DEBUG', 'configure_ssh_keys', 'Processing SSH key'],
      ['event', 'WARN', 'configure_ssh_keys', 'Odd key'],
      ['finish', 'INFO', 'configure_ssh_keys', undefined],
      ['event', 'INFO', 'provision_user', 'User provisioning completed successfully'],
      ['finish', 'INFO', 'provision_user', undefined],
      ['event', 'INFO', 'set_hostname', '日本語 🚀 hostname set'],
      ['finish', 'INFO', 'set_hostname', undefined],
    ],
  );
  t.deepEqual({ ...diagnostics[1]?.fields }, { user: 'azureuser', key_count: 3 });
  t.deepEqual(
    { ...diagnostics[3]?.fields },
    {
      user: 'azureuser',
      key_index: 1,
      ratio: 0.5,
      key: 'SshKey { kind: "ssh-ed25519", comment: "azureuser@host|1" }',
    },
  );
  t.deepEqual({ ...diagnostics[5]?.fields }, { user: 'azureuser', quoted: 'a "b" | c\nd' });
  const time = new Date('2026-11-22T18:09:14.476Z');
  t.like(diagnostics[6], { time, end: time, duration: 0 });
  t.false('result' in (diagnostics[6] ?? {}));
});

test('a closed span has its start and how long it took, even if the clock was set back', (t) => {
  const read = (start: string, end: string) =>
    readDiagnosticsSync(bytesOf([keyOf('m:s', 'ERROR'), `Start: ${start} | End: ${end}`])).diagnostics[0];
  const later = '2026-11-22T18:09:15.976Z';
  const sooner = '2026-11-22T18:09:14.476Z';
  t.like(read(sooner, later), {
    kind: 'finish',
    level: 'ERROR',
    time: new Date(sooner),
    end: new Date(later),
    duration: 1.5,
  });
  t.like(read(later, sooner), { time: new Date(later), end: new Date(sooner), duration: 0 });
});

test('chunks repeat the key and may cut a character in two', (t) => {
  const message = 'é日😀'.repeat(400);
  const value = Buffer.from(`Time: 2026-11-22T18:09:14.476Z | Event: message=${message}, n=1`);
  fc.assert(
    fc.property(fc.integer({ min: 60, max: 1022 }), (size) => {
      const records: [string, Buffer][] = [];
      for (let at = 0; at < value.length; at += size) {
        records.push([keyOf('m:s'), value.subarray(at, at + size)]);
      }
      const { diagnostics, problems } = readDiagnosticsSync(bytesOf(...records));
      t.deepEqual(problems, []);
      t.is(diagnostics.length, 1);
      t.is(diagnostics[0]?.message, message);
      t.deepEqual({ ...diagnostics[0]?.fields }, { n: 1 });
    }),
    { numRuns: 50 },
  );
});

const NAMES: [name: string, target: string | undefined, span: string][] = [
  ['bench::sample:provision', 'bench::sample', 'provision'],
  ['user:provision', 'user', 'provision'],
  ['provision', undefined, 'provision'],
  ['a::b', undefined, 'a::b'],
  [':s', undefined, 's'],
  ['m:a|b', 'm', 'a|b'],
  ['m:a:b', 'm', 'a:b'],
  ['app-x:é', 'app-x', 'é'],
];

for (const [name, target, span] of NAMES) {
  test(`the name ${name} is ${span} in ${target}`, (t) => {
    const value = 'Time: 2026-11-22T18:09:14.476Z | Event: message=x';
    const [diagnostic] = readDiagnosticsSync(bytesOf([keyOf(name), value])).diagnostics;
    t.is(diagnostic?.name, span);
    t.is(diagnostic?.target, target);
  });
}

const TEXTS: [text: string, message: string | undefined, fields: Record<string, unknown>][] = [
  ['message=plain', 'plain', {}],
  ['message=a, b and c', 'a, b and c', {}],
  ['message=a, b=1, c="x, y=2"', 'a', { b: 1, c: 'x, y=2' }],
  ['message=broken, a="x', 'broken, a="x', {}],
  ['message=one, b="2", and c=3 more', 'one, b="2", and c=3 more', {}],
  ['user="x"', undefined, { user: 'x' }],
  [
    'a=Some("x, y=1"), b=[1, 2], c=S { d: "}" }',
    undefined,
    { a: 'Some("x, y=1")', b: '[1, 2]', c: 'S { d: "}" }' },
  ],
  [
    'a=true, b=-1.5, c=1e21, d=99999999999999999999, e=NaN',
    undefined,
    { a: true, b: -1.5, c: 1e21, d: '99999999999999999999', e: 'NaN' },
  ],
  ['a="\\u{1f600}\\t\\\\\\"\\0"', undefined, { a: '😀\t\\"\0' }],
  ['a=plain text, b.c=1', undefined, { a: 'plain text', 'b.c': 1 }],
  ['message=hi, user-agent="x", b=1', 'hi', { 'user-agent': 'x', b: 1 }],
  ['__proto__=1, constructor="x"', undefined, { ['__proto__']: 1, constructor: 'x' }],
  ['no fields at all', 'no fields at all', {}],
  ['', undefined, {}],
];

for (const [text, message, fields] of TEXTS) {
  test(`fields of ${JSON.stringify(text)}`, (t) => {
    const read = readDebugFields(text, new Allowance(0));
    t.is(read.message, message);
    t.deepEqual(Object.entries(read.fields), Object.entries(fields));
  });
}

test('no text takes longer than its length allows', (t) => {
  for (const text of ['message=', ', a='.repeat(50_000), ', a="', '(('.repeat(100_000)]) {
    const long = `message=${', a=1'.repeat(100_000)}${text}"`;
    t.is(typeof readDebugFields(long, new Allowance(0)).fields, 'object');
  }
  const started = process.cpuUsage();
  t.deepEqual(
    readDebugFields(`message=${', a=('.repeat(1_000_000)}`, new Allowance(0)).fields,
    Object.create(null),
  );
  t.true(process.cpuUsage(started).user < 4e6);
});

test('any value of any key of this kind is read without throwing', (t) => {
  const key = fc.string().map((name) => keyOf(name));
  const value = fc.oneof(
    fc.string(),
    fc.string().map((text) => `Time: 2026-11-22T18:09:14.476Z | Event: ${text}`),
  );
  fc.assert(
    fc.property(key, value, (name, text) => {
      const { diagnostics, problems, unknown } = readDiagnosticsSync([{ key: name, value: text }]);
      t.is(diagnostics.length + problems.length + unknown.length, 1);
    }),
  );
});
