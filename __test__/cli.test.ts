import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KEY_SIZE, RECORD_SIZE } from '../src/pool/limits.ts';
import { has } from './helpers/pool-folder.ts';
import { onTypeScript } from './helpers/programs.ts';

const SAMPLE = '__test__/fixtures/samples/diag-azure-init.kvp_pool';
const KVP = [process.execPath, ...onTypeScript('src/cli/main.ts')] as const;

/** What the test of a terminal lacks on this machine, if anything. */
const scriptMissing =
  spawnSync('script', ['--version']).status === 0 ? undefined : 'missing script: apt-get install bsdutils';

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

function kvp(...args: string[]): Ended {
  const [node, ...rest] = KVP;
  const { status, stdout, stderr } = spawnSync(node, [...rest, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kvp-cli-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

function writePool(path: string, records: [key: string, value: string][]): void {
  const pool = Buffer.alloc(records.length * RECORD_SIZE);
  records.forEach(([key, value], i) => {
    pool.write(key, i * RECORD_SIZE);
    pool.write(value, i * RECORD_SIZE + KEY_SIZE);
  });
  writeFileSync(path, pool);
}

test('dump prints every record in the order of the file, duplicates too', (t) => {
  const dir = folder(t);
  writePool(join(dir, '.kvp_pool_1'), [
    ['b', '1'],
    ['a', 'é = \u001b'],
    ['b', '2'],
  ]);
  t.deepEqual(kvp('dump', '--dir', dir), { status: 0, stdout: 'b=1\na=é = \u001b\nb=2\n', stderr: '' });
  const json = '[{"key":"b","value":"1"},{"key":"a","value":"é = \\u001b"},{"key":"b","value":"2"}]\n';
  for (const args of [
    ['dump', '--json', `--dir=${dir}`],
    ['--json', '--dir', dir, 'dump'],
    ['--dir', dir, 'dump', '--pool', 'guest', '--json'],
  ]) {
    t.deepEqual(kvp(...args), { status: 0, stdout: json, stderr: '' });
  }
});

test('a pool is chosen by name or number', (t) => {
  const dir = folder(t);
  ['external', 'guest', 'auto', 'auto-external', 'auto-internal'].forEach((name, number) => {
    writePool(join(dir, `.kvp_pool_${number}`), [['name', name]]);
    t.is(kvp('dump', '--dir', dir, '--pool', name).stdout, `name=${name}\n`);
    t.is(kvp('dump', '--dir', dir, `--pool=${number}`).stdout, `name=${name}\n`);
  });
});

test('a pool that is not there is empty, and stays away', (t) => {
  const dir = folder(t);
  t.deepEqual(kvp('dump', '--dir', dir), { status: 0, stdout: '', stderr: '' });
  t.deepEqual(kvp('dump', '--dir', dir, '--json'), { status: 0, stdout: '[]\n', stderr: '' });
  const path = join(dir, '.kvp_pool_1');
  const shown = kvp('show', '--dir', dir);
  t.deepEqual([shown.status, shown.stderr], [0, '']);
  t.regex(shown.stdout, /^. UNKNOWN  there is no record in .*\n$/);
  t.false(existsSync(path));
});

test('show takes a path, or the number and the folder of a pool', (t) => {
  const shown = kvp('show', SAMPLE);
  t.deepEqual([shown.status, shown.stderr], [0, '']);
  t.regex(shown.stdout, /^. SUCCESS  in 2\.1 ms\n/);
  const dir = folder(t);
  copyFileSync(SAMPLE, join(dir, '.kvp_pool_3'));
  const numbered = kvp('--pool', '3', 'show', '--dir', dir);
  t.deepEqual(numbered, shown);
});

test('show nests what is linked, and says what it could not read', (t) => {
  const path = join(folder(t), 'pool');
  const key = (kind: string, name: string, id: string, end = '||0'): string =>
    `DIAG|agent/1|vm|${kind}|${name}|${id}|2026-11-22T18:09:14.704Z|none|${end}`;
  const fields = (message: string, more: object): string =>
    JSON.stringify({ target: 'app', level: 'INFO', fields: { message }, ...more });
  writePool(path, [
    [key('start', 'outer', 'o'), '{"fields":{}}'],
    [key('start', 'inner', 'i'), '{"fields":{},"parent":"o"}'],
    [key('event', 'inner', 'e'), fields('hello', { span: 'i' })],
    [key('finish', 'inner', 'i', 'fail|2.511|0'), '{"fields":{}}'],
    [key('event', 'odd\u001b', 'x', '||1'), 'half'],
    [key('stop\u001b', 'odd', 'x'), 'half'],
  ]);
  const { status, stdout, stderr } = kvp('show', path);
  t.deepEqual([status, stderr], [0, '']);
  t.regex(stdout, /outer {2}unfinished[^]*\n.*inner {2}FAILED[^]*\n.*INFO hello/);
  t.regex(stdout, /unreadable +record 4: incomplete_group, chunk 0 is missing\n/);
  t.regex(stdout, /record 5: malformed, kind "stop\\u001b" is not start, finish or event\n/);
});

test('wrong usage is one line on stderr and exit code 2', (t) => {
  const pools = 'external, guest, auto, auto-external, auto-internal, or 0 to 4';
  const cases: [args: string[], message: string][] = [
    [['shwo'], "unknown command 'shwo' (Did you mean show?)"],
    [['frobnicate'], "unknown command 'frobnicate'; kvp --help lists all commands"],
    [['help', 'frobnicate'], "unknown command 'frobnicate'; kvp --help lists all commands"],
    [['dump', '--bogus'], "unknown option '--bogus'"],
    [['dump', 'x'], "too many arguments for 'dump'. Expected 0 arguments but got 1."],
    [['dump', '--pool'], "option '--pool <pool>' argument missing"],
    [['--pool=5', 'dump'], `option '--pool <pool>' argument '5' is invalid. It must be ${pools}.`],
    [['--pool', '1', 'dump', '--pool', '1'], "option '--pool' is given more than once"],
    [['--json', 'dump', '--json'], "option '--json' is given more than once"],
    [['show', 'a', '--dir', 'b'], 'a path and --pool or --dir exclude each other'],
    [['fleet', 'a', '--dir', 'b'], 'a path and --dir exclude each other'],
    [['fleet', 'a', '-'], 'fleet reads files, not the standard input; a file called - is ./-'],
  ];
  for (const [args, message] of cases) {
    t.deepEqual(kvp(...args), { status: 2, stdout: '', stderr: `${message}\n` });
  }
  t.is(kvp().status, 2);
});

test('help and version are no failure', (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  t.deepEqual(kvp('--version'), { status: 0, stdout: `${version}\n`, stderr: '' });
  const help = kvp('show', '--help');
  t.deepEqual([help.status, help.stderr], [0, '']);
});

test('what can not be read is one line on stderr and exit code 3', (t) => {
  const dir = folder(t);
  const missing = join(dir, 'missing');
  t.deepEqual(kvp('show', missing), {
    status: 3,
    stdout: '',
    stderr: `cannot open ${missing}: no such file or directory (ENOENT)\n`,
  });
  t.deepEqual(kvp('show', dir), {
    status: 3,
    stdout: '',
    stderr: `${dir} is a directory; a pool is a regular file. Give the path of one\n`,
  });
});

function shell(script: string): Ended {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, ...KVP], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('a reader that leaves early is no failure', (t) => {
  const dir = folder(t);
  writePool(
    join(dir, '.kvp_pool_1'),
    Array.from({ length: 1000 }, (_, i) => [`k${i}`, 'v'.repeat(1000)]),
  );
  const script = `{ "$0" "$@" dump --dir '${dir}'; echo "$?" >&2; } | head -c 5`;
  t.deepEqual(shell(script), { status: 0, stdout: 'k0=vv', stderr: '0\n' });
});

test('a full disk is exit code 3', (t) => {
  if (!has(t, existsSync('/dev/full') ? undefined : 'missing /dev/full')) return;
  const { status, stderr } = shell(`"$0" "$@" show ${SAMPLE} > /dev/full`);
  t.is(status, 3);
  t.regex(stderr, /^cannot write the output: ENOSPC.*\n$/);
});

test('a pipe is read like a file', (t) => {
  t.deepEqual(shell(`cat ${SAMPLE} | "$0" "$@" show /dev/stdin`), kvp('show', SAMPLE));
});

test('a terminal gets colors unless NO_COLOR is set, and no control characters', (t) => {
  if (!has(t, scriptMissing)) return;
  const path = join(folder(t), 'pool');
  copyFileSync(SAMPLE, path);
  const typescript = (environment: string, command: string): string =>
    spawnSync('script', ['-qec', `env ${environment} ${KVP.join(' ')} ${command}`, '/dev/null'], {
      encoding: 'utf8',
    }).stdout;
  t.true(typescript('NO_COLOR=', `show ${path}`).includes('\u001b[1;32mSUCCESS\u001b[0m'));
  t.false(typescript('NO_COLOR=1', `show ${path}`).includes('\u001b'));
  const dir = folder(t);
  writePool(join(dir, '.kvp_pool_1'), [['k', '\u001b[2J']]);
  t.is(typescript('NO_COLOR=1', `dump --dir ${dir}`), 'KEY  VALUE\r\nk    \\u{1b}[2J\r\n');
  for (const command of ['dump', 'entries']) {
    t.is(typescript('NO_COLOR=1', `${command} --dir ${dir} | cat`), 'k=\\x1b[2J\r\n', 'behind a pipe, too');
  }
  const odd = join(dir, 'odd\u001b[2J');
  mkdirSync(odd);
  writePool(join(odd, '.kvp_pool_1'), [
    ['PROVISIONING_REPORT', 'result=error|agent=a\u001b]0;x\u0007|vm_id=v'],
  ]);
  for (const command of ['info', 'info --all']) {
    const shown = typescript('NO_COLOR=1', `${command} --dir '${odd}' | cat`);
    t.true(shown.includes(`path=${dir}/odd\\x1b[2J/.kvp_pool_1\r\n`), shown);
    t.is(shown.includes('writer=1 report a\\x1b]0;x\\x07\r\n'), command === 'info --all');
    t.false(/[\u001b\u0007]/.test(shown));
  }
  typescript('NO_COLOR=1', `dump --dir ${dir} > ${dir}/copy`);
  t.is(readFileSync(join(dir, 'copy'), 'utf8'), 'k=\u001b[2J\n', 'a file gets texts as they are');
});

test('what controls a terminal is escaped in JSON and in errors', (t) => {
  const dir = folder(t);
  writePool(join(dir, '.kvp_pool_1'), [['k', '\u009b2J\u202e\u2028']]);
  const { stdout } = kvp('dump', '--json', '--dir', dir);
  t.is(stdout, '[{"key":"k","value":"\\u009b2J\\u202e\\u2028"}]\n');
  t.deepEqual(JSON.parse(stdout), [{ key: 'k', value: '\u009b2J\u202e\u2028' }]);
  const path = join(dir, '\u001b[2J\u009b\u202e\n');
  const [missing, usage] = [kvp('show', path), kvp('show', `--\u001b[2J${'x'.repeat(50_000)}`)];
  t.is(
    missing.stderr,
    `cannot open ${dir}/\\x1b[2J\\u{9b}\\u{202e} : no such file or directory (ENOENT)\n`.replace(
      ' :',
      '\\n:',
    ),
  );
  t.regex(usage.stderr, /^unknown option '--\\x1b\[2Jx+… \[\+\d+ characters\]\n$/);
  writeFileSync(path, '');
  t.true(kvp('show', path).stdout.replace(/\n */g, '').endsWith('/\\u{1b}[2J\\u{9b}\\u{202e}\\n'));
});
