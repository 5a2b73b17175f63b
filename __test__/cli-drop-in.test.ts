import { symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseReport } from '../src/index.ts';
import { done, failed, kvp, onFolder, says, wrong } from './helpers/kvp.ts';
import { folderOf } from './helpers/pool-folder.ts';

// The command line that azure-init's users script, line by line: what a pipe gets.

test('info prints what a pool is, in this order', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  const lines = (pool: string, number: number, mode: string, records: number, sizes: [number, number]) =>
    says(`pool=${pool}
path=${dir}/.kvp_pool_${number}
mode=${mode}
records=${records}
empty=${records === 0}
stale=false
max_key_size=${sizes[0]}
max_value_size=${sizes[1]}
`);
  t.deepEqual(on(['info']), lines('guest', 1, 'safe', 0, [254, 1022]));
  t.deepEqual(kvp(['info']).stdout.split('\n')[1], 'path=/var/lib/hyperv/.kvp_pool_1');
  on(['append-multiple'], 'a=1\na=2\n');
  t.deepEqual(on(['info']), lines('guest', 1, 'safe', 2, [254, 1022]));
  t.deepEqual(on(['--pool', 'external', '--unsafe', 'info']), lines('external', 0, 'unsafe', 0, [512, 2048]));
  t.deepEqual(on(['info', '--pool=auto-internal']), lines('auto-internal', 4, 'safe', 0, [254, 1022]));
  const json = `{"empty":false,"max_key_size":254,"max_value_size":1022,"mode":"safe","path":"${dir}/.kvp_pool_1","pool":"guest","records":2,"stale":false}\n`;
  t.deepEqual(on(['info', '--json']), says(json));
  t.is(kvp(['--dir', `${dir}/`, 'info', '--json']).stdout, json, 'no slash is doubled');
  symlinkSync('/usr/bin', join(dir, 'link'));
  const odd = `${dir}/link/../`;
  t.is(
    kvp(['--dir', odd, 'info']).stdout.split('\n')[1],
    `path=${odd}.kvp_pool_1`,
    'paths are not shortened',
  );
});

test('info --all says more lines after them', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  on(
    ['append-multiple'],
    `DIAG|agent/1|vm|event|e|1|2026-11-22T18:09:14.704Z|none|||0={"fields":{}}\na=1\na=2\n`,
  );
  on(['report-success', '--vm-id', 'vm', '--agent', 'odd\nagent/1']);
  const { status, stdout } = on(['info', '--all']);
  t.is(status, 0);
  t.is(
    stdout
      .split('\n')
      .slice(8)
      .join('\n')
      .replace(/^backend=(native|js)$/m, 'backend=…'),
    `unique_keys=3
max_records=1024
backend=…
defects=0
writer=2 other
writer=1 diag agent/1
writer=1 report odd\\u000aagent/1
`,
  );
  const all = JSON.parse(on(['--json', 'info', '--all']).stdout) as Record<string, unknown>;
  t.like(all, { records: 4, unique_keys: 3, max_records: 1024, defects: [] });
  t.deepEqual(all['writers'], [
    { agent: null, format: 'other', vm_id: null, records: 2 },
    { agent: 'agent/1', format: 'diag', vm_id: 'vm', records: 1 },
    { agent: 'odd\nagent/1', format: 'report', vm_id: 'vm', records: 1 },
  ]);
});

test('write, append, read, dump, entries, delete and clear', (t) => {
  const on = onFolder(folderOf(t));
  t.deepEqual(on(['write', 'b', '1']), done);
  t.deepEqual(on(['write', '--append', 'b', '2']), done);
  t.deepEqual(on(['write', 'a', 'x=y \u001b']), done);
  t.deepEqual(on(['write', '--', '-k', '--json']), done);
  t.deepEqual(on(['dump']), says('b=1\nb=2\na=x=y \u001b\n-k=--json\n'));
  t.deepEqual(
    on(['dump', '--json']),
    says(
      '[{"key":"b","value":"1"},{"key":"b","value":"2"},{"key":"a","value":"x=y \\u001b"},{"key":"-k","value":"--json"}]\n',
    ),
  );
  t.deepEqual(on(['entries']), says('-k=--json\na=x=y \u001b\nb=2\n'));
  t.deepEqual(on(['--json', 'entries']), says('{"-k":"--json","a":"x=y \\u001b","b":"2"}\n'));
  t.deepEqual(on(['read', 'b']), says('2\n'));
  t.deepEqual(on(['read', 'b', '--json']), says('{"key":"b","value":"2"}\n'));
  for (const missing of ['c', '', 'k'.repeat(600)]) {
    for (const json of [[], ['--json']]) {
      t.deepEqual(on([...json, 'read', missing]), { status: 1, stdout: '', stderr: '' });
    }
  }
  t.deepEqual(on(['write', 'b', '3']), done, 'replaces both records');
  t.deepEqual(on(['dump']), says('b=3\na=x=y \u001b\n-k=--json\n'));
  t.deepEqual(on(['delete', 'b']), says('true\n'));
  t.deepEqual(on(['delete', 'b']), says('false\n'));
  t.deepEqual(on(['delete', '']), says('false\n'));
  t.deepEqual(on(['--json', 'delete', 'a']), says('{"removed":true}\n'));
  t.deepEqual(on(['--json', 'delete', 'a']), says('{"removed":false}\n'));
  t.deepEqual(on(['clear']), done);
  t.deepEqual(on(['dump']), done);
});

test('keys are sorted by their bytes, numbers and names of members too', (t) => {
  const on = onFolder(folderOf(t));
  t.deepEqual(on(['load'], '10=a\n9=b\n__proto__=c\n\u{1f680}=d\n\uff5e=e\n'), done);
  t.deepEqual(on(['entries']), says('10=a\n9=b\n__proto__=c\n\uff5e=e\n\u{1f680}=d\n'));
  const json = '{"10":"a","9":"b","__proto__":"c","\uff5e":"e","\u{1f680}":"d"}\n';
  t.deepEqual(on(['entries', '--json']), says(json));
});

test('load and append-multiple take key=value lines of a file or the standard input', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  t.deepEqual(on(['load'], 'x=1\n\ny==2=\r\n\r\nz='), done);
  t.deepEqual(on(['dump']), says('x=1\ny==2=\nz=\n'));
  const file = join(dir, 'records.txt');
  writeFileSync(file, 'x=2\nw=3');
  t.deepEqual(on(['append-multiple', '--file', file]), done);
  t.deepEqual(on(['dump']), says('x=1\ny==2=\nz=\nx=2\nw=3\n'));
  t.deepEqual(on(['delete-multiple', 'x', 'nope', '', 'w']), says('3\n'));
  t.deepEqual(on(['--json', 'delete-multiple', 'y', 'z']), says('{"removed":2}\n'));
  t.deepEqual(on(['load', `--file=${file}`]), done);
  t.deepEqual(on(['dump']), says('x=2\nw=3\n'));
  for (const command of ['load', 'append-multiple']) {
    t.deepEqual(on([command], 'a=1\n\nno sign\n'), wrong('line 3 must be in key=value format'));
    t.deepEqual(on([command], 'a=1\n=2\n'), wrong('KVP key must not be empty'));
    t.deepEqual(
      on([command], `a=1\nb=${'v'.repeat(1100)}\n`),
      wrong('KVP value length (1100) exceeds maximum (1022)'),
    );
    const missing = join(dir, 'missing');
    const reason = `cannot open ${missing}: no such file or directory (ENOENT)`;
    t.deepEqual(on([command, '--file', missing]), failed(reason));
  }
  t.deepEqual(on(['dump']), says('x=2\nw=3\n'), 'nothing was written');
  t.deepEqual(on(['append-multiple'], ''), done);
  t.deepEqual(on(['load'], ''), done, 'no records are an empty pool');
  t.deepEqual(on(['dump']), done);
});

test('load takes what dump prints, with and without --json, whatever the texts are', (t) => {
  const on = onFolder(folderOf(t));
  const values = [
    '1\nfake=2',
    'ends with \r',
    '\\u000a',
    '\\u005cu000a \\n',
    'C:\\new',
    '"quoted"',
    '\n\n',
    '[{"key":"a"',
  ];
  const records = values.map((value, index) => ({ key: index === 0 ? '[odd\nkey' : `k${index}`, value }));
  t.deepEqual(on(['load'], JSON.stringify(records)), done);
  const [plain, json] = [on(['dump']).stdout, on(['dump', '--json']).stdout];
  t.deepEqual(JSON.parse(json), records);
  t.is(plain.split('\n').length, records.length + 1, 'a record is one line');
  t.deepEqual(plain.split('\n').slice(0, 5), [
    '[odd\\u000akey=1\\u000afake=2',
    'k1=ends with \\u000d',
    'k2=\\u005cu000a',
    'k3=\\u005cu005cu000a \\n',
    'k4=C:\\new',
  ]);
  for (const text of [plain, json, `\ufeff${JSON.stringify(records, null, 2)}`]) {
    t.deepEqual(on(['--pool', '2', 'load'], text), done);
    t.is(on(['--pool', '2', 'dump', '--json']).stdout, json);
  }
  t.deepEqual(on(['read', 'k0']), { status: 1, stdout: '', stderr: '' });
  t.deepEqual(on(['read', '[odd\nkey']), says('1\nfake=2\n'), 'one value needs no escape');
  t.deepEqual(on(['load'], '[]'), done);
  t.deepEqual(on(['dump', '--json']), says('[]\n'));
  t.deepEqual(
    on(['load'], '[{"key":"a"}]'),
    wrong('record 0 of the JSON must have a key and a value that are texts'),
  );
  t.regex(on(['load'], json.slice(0, -9)).stderr, /^the JSON of the records is damaged: .*\n$/);
  t.deepEqual(on(['load'], '[a=b'), done, 'a line that starts with [');
  t.deepEqual(on(['dump']), says('[a=b\n'));
});

test('a pool is stale if it was last changed before this boot', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  t.deepEqual(on(['is-stale']), { status: 1, stdout: 'false\n', stderr: '' });
  on(['write', 'a', '1']);
  t.deepEqual(on(['is-stale', '--json']), { status: 1, stdout: '{"stale":false}\n', stderr: '' });
  t.deepEqual(on(['clear', '--if-stale']), done);
  t.deepEqual(on(['dump']), says('a=1\n'));
  utimesSync(join(dir, '.kvp_pool_1'), 1, 1);
  t.deepEqual(on(['is-stale']), says('true\n'));
  t.deepEqual(on(['--json', 'is-stale']), says('{"stale":true}\n'));
  t.true(on(['info']).stdout.includes('\nstale=true\n'));
  t.deepEqual(on(['clear', '--if-stale']), done);
  t.deepEqual(on(['dump']), done);
});

test('report-success and report-failure replace the report, whoever wrote it', (t) => {
  const on = onFolder(folderOf(t));
  const report = () => on(['read', 'PROVISIONING_REPORT']).stdout.trimEnd();
  const withoutTime = () => report().replace(/timestamp=\d{4}-\d\d-\d\dT[\d:.]+Z/, 'timestamp=…');
  on(['write', 'PROVISIONING_REPORT', 'result=success|agent=other/1']);
  t.deepEqual(on(['report-success', '--vm-id', 'vm-1', '--supporting-data', 'build=123,commit=abc']), done);
  const agent = 'agent=libazureinit-kvp/0.1.0';
  t.is(withoutTime(), `result=success|${agent}|pps_type=None|vm_id=vm-1|timestamp=…|build=123|commit=abc`);
  const failure = ['report-failure', '--reason', 'no | lease', '--agent=me/2', '--vm-id=vm-2'];
  const url = ['--documentation-url', 'https://aka.ms/x'];
  const data = ['--supporting-data', `a='x,y',b="it's"`, '--supporting-data=c=1=2,a=again'];
  t.deepEqual(on(['--json', ...failure, ...url, ...data]), done);
  t.is(
    withoutTime(),
    `result=error|"reason=no | lease"|agent=me/2|a=x,y|b=it's|c=1=2|pps_type=None|vm_id=vm-2|timestamp=…|documentation_url=https://aka.ms/x`,
  );
  t.is(on(['info']).stdout.split('\n')[3], 'records=1');
  const before = report();
  for (const bad of ['novalue', 'a=1,', '=1', "a='x", `a="x"y`, 'a=1,b']) {
    const { status, stdout, stderr } = on([...failure, '--supporting-data', bad]);
    t.deepEqual([status, stdout, stderr.split('\n').length], [2, '', 2], bad);
    t.true(stderr.includes('key=value'), stderr);
  }
  t.deepEqual(on(['report-failure']), wrong("required option '--reason <REASON>' not specified"));
  t.is(report(), before);
});

test('a report that is too long is shortened, and it says so', (t) => {
  const on = onFolder(folderOf(t));
  const args = ['report-failure', '--vm-id', 'v', '--reason', 'r'.repeat(2000)];
  const shortened = 'the reason of the report is shortened: it has 1,022 bytes\n';
  t.deepEqual(on(args), { ...done, stderr: shortened });
  const data = ['--supporting-data', `first=1,last=${'x'.repeat(1000)}`];
  const lacks = 'the report lacks last: no room in 1,022 bytes\n';
  t.deepEqual(on([...args, ...data]), { ...done, stderr: lacks + shortened });
  t.like(parseReport(on(['read', 'PROVISIONING_REPORT']).stdout), { first: '1', vm_id: 'v' });
  t.deepEqual(on([...args, ...data, '--quiet']), done);
});

test('limits are those of the host, with --unsafe those of the file', (t) => {
  const on = onFolder(folderOf(t));
  const [key, value] = ['k'.repeat(254), 'é'.repeat(511)];
  t.deepEqual(on(['write', key, value]), done);
  t.deepEqual(on(['read', key]), says(`${value}\n`));
  t.deepEqual(on(['write', '', 'v']), wrong('KVP key must not be empty'));
  t.deepEqual(on(['write', 'k'.repeat(300), 'v']), wrong('KVP key length (300) exceeds maximum (254)'));
  t.deepEqual(
    on(['write', '--append', 'k', 'v'.repeat(1100)]),
    wrong('KVP value length (1100) exceeds maximum (1022)'),
  );
  t.deepEqual(on(['write', 'k', 'é'.repeat(512)]), wrong('KVP value length (1024) exceeds maximum (1022)'));
  t.deepEqual(on(['--unsafe', 'write', 'k'.repeat(511), 'v'.repeat(2047)]), done);
  t.deepEqual(on(['read', 'k'.repeat(511)]), says(`${'v'.repeat(2047)}\n`));
  t.deepEqual(
    on(['write', '--unsafe', 'k'.repeat(512), 'v']),
    wrong('KVP key length (512) exceeds maximum (511)'),
  );
  t.deepEqual(
    on(['write', 'k', 'v'.repeat(2048), '--unsafe']),
    wrong('KVP value length (2048) exceeds maximum (2047)'),
  );
});

test('a new key beyond 1,024 is refused, a known one and a report are not', (t) => {
  const on = onFolder(folderOf(t));
  on(['load'], Array.from({ length: 1024 }, (_, index) => `k${index}=v`).join('\n'));
  const { status, stderr } = on(['write', 'new', 'v']);
  t.is(status, 2);
  t.regex(
    stderr,
    /has 1024 different keys; the limit is 1024; delete keys, or raise the limit \(maxKeys\)\n$/,
  );
  t.deepEqual(on(['write', 'k7', 'new']), done);
  t.deepEqual(on(['report-success', '--vm-id', 'v']), done);
});
