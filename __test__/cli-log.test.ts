import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { bytesOf, keyOf, payload } from './helpers/diag-records.ts';
import { failedPool } from './helpers/failed-provisioning.ts';
import { hostilePool } from './helpers/hostile-pool.ts';
import { kvp, kvpOnTerminal, scriptMissing } from './helpers/kvp.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';

const KEPT = resolve('__test__/fixtures/cli');
const SAMPLES = ['azure-init-0.1', 'cloud-init-22.4', 'cloud-init-26.2', 'diag-azure-init'];

/** Compares with a kept file; `KVP_TEST_KEEP=1` writes it anew. */
function same(t: ExecutionContext, name: string, text: string): void {
  const path = join(KEPT, `${name}.txt`);
  if (process.env['KVP_TEST_KEEP'] === '1') writeFileSync(path, text);
  t.is(text, readFileSync(path, 'utf8'), name);
}

/** A folder with a pool of this name. */
function poolWith(t: ExecutionContext, bytes: Buffer, name = 'pool'): string {
  const path = join(folderOf(t), name);
  writeFileSync(path, bytes);
  return path;
}

/** An event at a minute of 31 August 2026, noon. */
function event(message: string, minute: number, more: object = {}, agent = 'agent/1'): [string, string] {
  const time = new Date(Date.UTC(2026, 7, 31, 12, minute)).toISOString();
  const key = keyOf({ id: message, time }).replace('agent/1', agent);
  return [key, payload(message, more)];
}

function messagesOf(text: string): string[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map(
      (line) =>
        line
          .replace(/ file=.*/, '')
          .split(': ')
          .at(-1) as string,
    );
}

for (const name of SAMPLES) {
  test(`the lines of the pool ${name}`, (t) => {
    const path = `__test__/fixtures/samples/${name}.kvp_pool`;
    const { status, stdout, stderr } = kvp(['log', path]);
    t.deepEqual([status, stderr], [0, '']);
    same(t, `log-${name}`, stdout);
  });
}

test('the lines of a provisioning of three agents that failed', (t) => {
  const path = poolWith(t, failedPool());
  same(t, 'log-failed', kvp(['log', path]).stdout);
  same(t, 'log-failed-json', kvp(['log', path, '--json']).stdout);
});

test('a terminal gets the colors of stderr', (t) => {
  if (!has(t, scriptMissing)) return;
  const path = poolWith(t, failedPool());
  const shown = kvpOnTerminal(100, ['log', path]);
  same(t, 'log-failed-terminal', shown);
  t.is(stripVTControlCharacters(shown), kvp(['log', path]).stdout);
});

test('no text of a pool makes a second line or controls a terminal', (t) => {
  const path = poolWith(t, hostilePool());
  const { status, stdout, stderr } = kvp(['log', path]);
  t.is(status, 0);
  const { diagnostics, reports } = readDiagnosticsSync(path);
  t.is(stdout.split('\n').length - 1, diagnostics.length + reports.length);
  // eslint-disable-next-line no-control-regex
  t.notRegex(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
  for (const line of stdout.split('\n').slice(0, -1)) t.regex(line, /^\S+Z (ERROR| WARN| INFO|DEBUG|TRACE) /);
});

test('a pool has the lines that its program wrote on stderr', async (t) => {
  const folder = folderOf(t);
  const pool = join(folder, '.kvp_pool_1');
  const source = `
    import { initializeTracing, target, Level } from 'kvp-tracing';
    const tracing = await initializeTracing({
      kvp: { path: ${JSON.stringify(pool)}, vmId: 'vm', filter: 'trace' }, stderr: { filter: 'trace' },
    });
    const log = target('app::disk', { device: '/dev/sda' });
    log.info({ count: 3, ratio: 0.5, text: 'a "b"', list: [1, { a: null }], none: null }, 'begin\\tnow');
    log.inSpan('outer', { fields: { user: 'root' } }, (span) => {
      log.warn('in outer');
      span.record({ later: true });
      try {
        log.inSpan('inner', { level: Level.DEBUG, err: true }, () => {
          log.trace({ n: 10 }, 'in inner');
          throw new Error('no space', { cause: new Error('quota') });
        });
      } catch {}
    });
    await tracing.shutdown();`;
  const { code, stderr } = await ended(start({ source, folder }));
  t.is(code, 0, stderr);
  const { status, stdout } = kvp(['log', pool]);
  t.is(status, 0);
  const plain = (text: string): string[] =>
    text.split('\n').map((line) =>
      line
        .replace(/^\S+/, 'TIME')
        .replace(/time\.(busy|idle)=\S+/g, 'time.$1=T')
        // The start has no field that is recorded later.
        .replace(' later=true}: app::disk: close', '}: app::disk: close'),
    );
  t.deepEqual(plain(stdout), plain(stderr.replace(/ later=true(?=}:inner|}: app)/g, '')));
});

test('the last ones, later ones, urgent ones, those of an agent and failures', (t) => {
  const failed = keyOf({ kind: 'finish', name: 'disk', id: 'f', time: '2026-08-31T12:05:00.000Z' });
  const path = poolWith(
    t,
    bytesOf(
      event('one', 0),
      event('two', 1, { level: 'WARN' }, 'azure-init/0.1.1'),
      event('three', 2, { level: 'DEBUG' }),
      event('four', 3, {}, 'azure-init-0.1.1'),
      event('five', 4, { level: 'ERROR' }),
      [failed.replace('none|||', 'none|fail|1.5|'), '{"fields":{},"level":"DEBUG"}'],
      ['PROVISIONING_REPORT', 'result=error|reason=x|agent=agent/1|vm_id=v|timestamp=2026-08-31T12:06:00Z'],
    ),
  );
  const last = ['close duration=1.50s result=fail', 'provisioning report result=error reason="x" vm_id="v"'];
  const all = ['one', 'two', 'three', 'four', 'five', ...last];
  const cases: [args: string[], expected: string[]][] = [
    [[], all],
    [['-n', '2'], all.slice(-2)],
    [['--lines=0'], []],
    [['-n', '99'], all],
    [['--since', '2026-08-31T12:03Z'], all.slice(3)],
    [['--since', '2026-08-31T12:03'], all.slice(3)],
    [['--since', '2026-08-31 12:04:00.000'], all.slice(4)],
    [['--since', '2026-08-31T14:05:30+02:00'], all.slice(6)],
    [['--since', '2026-08-31'], all],
    [['--since', '1000w'], all],
    [['--since', '1ms'], []],
    [
      ['--level', 'warn'],
      ['two', 'five', ...last],
    ],
    [
      ['--level', 'ERROR'],
      ['five', ...last],
    ],
    [['--level', 'trace'], all],
    [
      ['--agent', 'azure-init'],
      ['two', 'four'],
    ],
    [['--agent', 'AZURE-INIT/0.1.1'], ['two']],
    [['--agent', 'azure-init', '--agent', 'agent', '-n1', '--level=debug'], all.slice(-1)],
    [['--agent', 'azure'], []],
    [['--failed'], last],
    [['--failed', '-n', '1'], all.slice(-1)],
  ];
  for (const [args, expected] of cases) {
    const { status, stdout, stderr } = kvp(['log', path, ...args]);
    t.deepEqual([status, stderr, messagesOf(stdout)], [0, '', expected], args.join(' '));
  }
});

test('of the last boot is what cloud-init says is of it', (t) => {
  const cloudInit = (boot: number, id: number): [string, string] => [
    `CLOUD_INIT|${boot}|start|stage|00000000-0000-4000-8000-00000000000${id}`,
    JSON.stringify({
      name: 'stage',
      type: 'start',
      ts: new Date(boot * 1000 + 5000).toISOString(),
      msg: `boot-${id}`,
    }),
  ];
  const path = poolWith(
    t,
    bytesOf(cloudInit(1_788_177_600, 1), event('between', 1), cloudInit(1_788_264_000, 2)),
  );
  t.deepEqual(messagesOf(kvp(['log', path, '--since', 'boot']).stdout), ['boot-2']);
  t.deepEqual(messagesOf(kvp(['log', path]).stdout), ['boot-1', 'between', 'boot-2']);
});

test('several pools are merged by time, each in its order, with their names', (t) => {
  const folder = folderOf(t);
  // The clock of the first was set back between its second and its third.
  writeFileSync(join(folder, 'a'), bytesOf(event('a1', 1), event('a2', 5), event('a3', 0), event('a4', 9)));
  writeFileSync(join(folder, 'b'), bytesOf(event('b1', 2), event('b2', 6)));
  const files = [join(folder, 'a'), join(folder, 'b')];
  const { stdout } = kvp(['log', ...files]);
  t.deepEqual(messagesOf(stdout), ['a1', 'b1', 'a2', 'a3', 'b2', 'a4']);
  t.deepEqual(
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => line.endsWith(` file="${files[line.includes(': b') ? 1 : 0]}"`)),
    [true, true, true, true, true, true],
  );
  const lines = kvp(['log', '--json', ...files])
    .stdout.split('\n')
    .slice(0, -1);
  t.deepEqual(
    lines.map((line) => (JSON.parse(line) as { file: string }).file.at(-1)),
    [...'abaaba'],
  );
});

test('a line of JSON is the diagnostic that readDiagnostics returns', (t) => {
  for (const name of SAMPLES) {
    const path = `__test__/fixtures/samples/${name}.kvp_pool`;
    const lines = kvp(['log', '--json', path])
      .stdout.split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { kind: string });
    const { diagnostics, reports } = readDiagnosticsSync(path);
    const expected = diagnostics.map((each) => {
      const { bytes, ...said } = each;
      return JSON.parse(
        JSON.stringify(bytes ? { ...said, bytes: Buffer.from(bytes).toString('base64') } : said),
      ) as unknown;
    });
    t.deepEqual(
      lines.filter(({ kind }) => kind !== 'report'),
      expected as { kind: string }[],
    );
    t.is(lines.filter(({ kind }) => kind === 'report').length, reports.length);
  }
});

test('fields that are nested too deep for JSON are texts, the others stay as they are', (t) => {
  for (const depth of [400, 6000]) {
    const deep = `{"fields":{"a":${'['.repeat(depth)}${']'.repeat(depth)},"b":1}}`;
    const parts = deep.match(/.{1,2000}/g) as string[];
    const path = poolWith(t, bytesOf(...parts.map((part, chunk) => [keyOf({ chunk }), part] as const)));
    const { status, stdout } = kvp(['log', '--json', path]);
    t.is(status, 0);
    const { text, fields } = JSON.parse(stdout) as { text: string; fields: Record<string, unknown> };
    t.is(text, deep);
    t.deepEqual([typeof fields['a'], fields['b']], [depth < 1000 ? 'object' : 'string', 1]);
    t.is(kvp(['log', path]).status, 0);
  }
});

test('what can not be read is said on stderr, and not with --quiet', (t) => {
  const path = poolWith(
    t,
    bytesOf(event('good', 0), [keyOf({ id: 'cut', chunk: 1 }), 'x'], [keyOf({ kind: 'stop\u001b' }), '']),
  );
  const { status, stdout, stderr } = kvp(['log', path]);
  t.deepEqual([status, messagesOf(stdout)], [0, ['good']]);
  t.is(
    stderr,
    `incomplete_group in record 1 of ${path}: chunk 0 is missing\n` +
      `malformed in record 2 of ${path}: kind "stop\\u001b" is not start, finish or event\n`,
  );
  t.is(kvp(['log', '-q', path]).stderr, '');
  const none = poolWith(t, Buffer.alloc(0));
  t.deepEqual(kvp(['log', none]), { status: 0, stdout: '', stderr: `no diagnostics in ${none}\n` });
});

test('where nothing is as it was asked for, a terminal gets a note, and a script gets nothing', (t) => {
  if (!has(t, scriptMissing)) return;
  const path = poolWith(t, failedPool());
  const since = ['--since', '2030-01-01', '--level', 'warn', '--failed'];
  t.is(kvpOnTerminal(100, ['log', ...since, path]), `no line of ${path} passes --since, --level, --failed\n`);
  for (const args of [
    ['-q', ...since],
    ['-n', '0'],
  ])
    t.is(kvpOnTerminal(100, ['log', ...args, path]), '');
  t.deepEqual(kvp(['log', ...since, path]), { status: 0, stdout: '', stderr: '' });
});

test('wrong usage is one line and exit code 2, and what is no pool exit code 3', (t) => {
  const when =
    'It must be a time as 2026-08-31T12:00Z (UTC if there is no zone), how long ago as 10m or 1h30m, or boot.';
  const cases: [args: string[], message: string][] = [
    [['--since', 'soon'], `option '--since <when>' argument 'soon' is invalid. ${when}`],
    [['--since', '2026-13-31'], `option '--since <when>' argument '2026-13-31' is invalid. ${when}`],
    [['--since', '10y'], `option '--since <when>' argument '10y' is invalid. ${when}`],
    [
      ['-n', '-1'],
      "option '-n, --lines <number>' argument '-1' is invalid. It must be a whole number from 0.",
    ],
    [
      ['--level', 'loud'],
      "option '--level <level>' argument 'loud' is invalid. It must be ERROR, WARN, INFO, DEBUG, TRACE, in any case.",
    ],
    [['-f', '-'], '--follow needs a file, not the standard input'],
    [['-f', 'a', '--dir', 'b'], 'a path and --pool or --dir exclude each other'],
  ];
  for (const [args, message] of cases) {
    t.deepEqual(kvp(['log', ...args]), { status: 2, stdout: '', stderr: `${message}\n` }, args.join(' '));
  }
  const text = poolWith(t, Buffer.from('no pool\n'.repeat(1000)));
  const folder = folderOf(t);
  for (const args of [[text], ['-f', text], ['-f', folder]]) {
    const { status, stdout, stderr } = kvp(['log', ...args]);
    t.deepEqual([status, stdout, stderr.split('\n').length], [3, '', 2], stderr);
  }
  copyFileSync(text, join(folder, '.kvp_pool_1'));
  t.is(kvp(['log', '--dir', folder]).status, 3);
});
