import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { COMMANDS } from '../src/cli/commands.ts';
import { failedPool } from './helpers/failed-provisioning.ts';
import { environment, PROGRAM } from './helpers/kvp.ts';
import { folderOf } from './helpers/pool-folder.ts';

const SAMPLE = '__test__/fixtures/samples/diag-azure-init.kvp_pool';
/** The key of a record of the pool, in which nothing else has `=`. */
const KEY = 'k';

/** How each command is called so that it succeeds on a pool of its own. */
interface Call {
  /** Behind the name. */
  args?: readonly string[];
  input?: string;
  /** The exit code of success. Default 0. */
  status?: number;
  /** Whether it paints where it is forced to. */
  paints?: boolean;
  /** Whether it paints, and fits to `COLUMNS` also in a pipe. */
  draws?: boolean;
  /** Whether it takes files, not `--dir`. */
  isOfFiles?: boolean;
  /** Whether a pool that can't be read is part of what it tells. */
  tellsAll?: boolean;
}

const CALLS: Record<string, Call> = {
  show: { draws: true },
  blame: { draws: true },
  'critical-chain': { draws: true },
  compare: { args: [SAMPLE, SAMPLE], draws: true, isOfFiles: true },
  info: { args: ['--all'] },
  dump: {},
  entries: {},
  read: { args: ['PROVISIONING_REPORT'], status: 1 },
  write: { args: [KEY, 'v'] },
  load: { input: `${KEY}=v\n` },
  'append-multiple': { input: `${KEY}=v\n` },
  copy: { args: [SAMPLE] },
  delete: { args: [KEY] },
  'delete-multiple': { args: [KEY] },
  clear: {},
  'is-stale': { status: 1 },
  'report-success': {},
  'report-failure': { args: ['--reason', 'no DHCP lease'] },
  inspect: {},
  repair: {},
  log: { paints: true },
  // A machine of tests is no guest of Hyper-V.
  doctor: { status: 1, tellsAll: true, draws: true },
  extract: {},
  fleet: { args: [SAMPLE], isOfFiles: true, tellsAll: true, draws: true },
  replay: { args: ['--dry-run'] },
};

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

function call(
  t: ExecutionContext,
  name: string,
  { options = [], env = {}, shell }: { options?: string[]; env?: NodeJS.ProcessEnv; shell?: string } = {},
): Ended {
  const { args = [], input = '', isOfFiles = false } = CALLS[name] as Call;
  const dir = join(folderOf(t), 'pools');
  mkdirSync(dir);
  copyFileSync(SAMPLE, join(dir, '.kvp_pool_1'));
  const where = isOfFiles ? [] : ['--dir', dir];
  const program = [process.execPath, PROGRAM, ...options, ...where, name, ...args];
  const [file = '', ...rest] = shell === undefined ? program : ['sh', '-c', shell, ...program];
  const { status, stdout, stderr } = spawnSync(file, rest, {
    encoding: 'utf8',
    input,
    env: { ...environment(), LC_ALL: 'C.UTF-8', ...env },
  });
  // Each has another folder.
  const named = (text: string): string => text.replaceAll(dir, 'DIR');
  return { status, stdout: named(stdout), stderr: named(stderr) };
}

for (const { name } of COMMANDS) {
  test(`${name} is what everybody expects of a command`, (t) => {
    const {
      status: expected = 0,
      draws = false,
      paints = draws,
    } = CALLS[name] ?? t.fail(`a row for ${name} in CALLS`);
    const plain = call(t, name);
    t.is(plain.status, expected, plain.stderr);
    t.false(plain.stdout.includes('\u001b'), 'a pipe gets no colors');

    const quiet = call(t, name, { options: ['--quiet'] });
    t.is(quiet.stderr, '', '--quiet');
    t.is(quiet.status, expected);

    const forced = call(t, name, { env: { FORCE_COLOR: '1' } });
    t.is(forced.stdout.includes('\u001b'), paints, 'FORCE_COLOR');
    for (const [options, env] of [
      [[], { FORCE_COLOR: '1', NO_COLOR: '1' }],
      [['--no-color'], { FORCE_COLOR: '1' }],
    ] as const) {
      const without = call(t, name, { options: [...options], env });
      t.false(without.stdout.includes('\u001b'), JSON.stringify({ options, env }));
    }

    const narrow = call(t, name, { env: { COLUMNS: '60' } });
    const widest = Math.max(...narrow.stdout.split('\n').map((line) => [...line].length));
    if (draws) t.true(widest <= 60, `COLUMNS: ${widest}`);
    else if (!name.startsWith('report')) t.is(narrow.stdout, plain.stdout, 'output for scripts');

    const left = call(t, name, { shell: '{ "$0" "$@"; echo "$?" >&2; } | :' });
    t.is(left.stderr.trimEnd().split('\n').at(-1), String(expected), 'EPIPE');
    t.is(left.stderr.replace(/\d+\n$/, ''), plain.stderr, 'EPIPE is silent');
  });

  if (CALLS[name]?.tellsAll) continue;
  test(`${name} says in one line what it can't do, and with --debug where`, (t) => {
    const dir = folderOf(t);
    mkdirSync(join(dir, '.kvp_pool_1'));
    const { args = [], input = '', isOfFiles = false } = CALLS[name] as Call;
    const fails = (...options: string[]): Ended => {
      const where = isOfFiles ? [name, SAMPLE, dir] : ['--dir', dir, name, ...args];
      const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...options, ...where], {
        encoding: 'utf8',
        input,
        env: environment(),
      });
      return { status, stdout, stderr };
    };
    const short = fails();
    t.deepEqual([short.status, short.stdout], [3, '']);
    t.regex(short.stderr, /(^|\n)[^\n]* is a directory; a pool is a regular file. Give the path of one\n$/);
    t.notRegex(short.stderr, /\n {4}at /);
    const long = fails('--debug');
    t.is(long.status, 3);
    t.regex(
      long.stderr,
      / is a directory; a pool is a regular file. Give the path of one\n(?: {4}at .+\n)+$/,
    );
  });
}

/** The names of the members of a document, of the items of a list, and of what is in those of the given names. */
function membersOf(value: unknown, inside: readonly string[]): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((item) => membersOf(item, inside)))];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [
    name,
    ...(inside.includes(name) ? membersOf(member, inside) : []),
  ]);
}

/** Commands whose JSON has more than the keys of the pool. */
const DOCUMENTS: [args: string[], inside?: string[]][] = [
  [['show'], ['roots', 'children']],
  [['blame']],
  [['critical-chain'], ['chain']],
  [
    ['compare', 'pool', 'pool'],
    ['spans', 'before', 'after'],
  ],
  [['log']],
  [['extract']],
  [['fleet', 'pool'], ['slowest']],
  [['replay', '--dry-run']],
  [['doctor'], ['checks']],
  [['info', '--all'], ['writers']],
  [['dump']],
  [['read', 'contoso.heartbeat']],
  [['is-stale']],
  [['inspect', 'damaged']],
  [['repair', '--dry-run']],
  [['copy', 'pool', '--dry-run']],
  [['copy', 'pool']],
  [['delete', 'contoso.heartbeat', '--dry-run'], ['removed']],
  [['delete', 'contoso.heartbeat']],
  [['delete-multiple', 'contoso.heartbeat']],
];

for (const [[name = '', ...args], inside = []] of DOCUMENTS) {
  test(`the help of ${[name, ...args].join(' ')} names what its JSON has`, (t) => {
    const dir = folderOf(t);
    const damaged = failedPool();
    damaged[512] = 0xff;
    writeFileSync(join(dir, 'pool'), failedPool());
    writeFileSync(join(dir, 'damaged'), damaged);
    writeFileSync(join(dir, '.kvp_pool_1'), name === 'repair' ? damaged : failedPool());
    const run = (...given: string[]): string =>
      spawnSync(process.execPath, [PROGRAM, ...given], { cwd: dir, encoding: 'utf8', env: environment() })
        .stdout;
    const where = CALLS[name]?.isOfFiles || args[0] === 'damaged' ? [] : ['--dir', '.'];
    const text = run(...where, name, ...args, '--json');
    const documents = name === 'log' ? text.trimEnd().split('\n') : [text];
    const members = [...new Set(documents.flatMap((line) => membersOf(JSON.parse(line), inside)))];
    t.true(members.length > 0, text);
    const help = run(name, '--help');
    t.deepEqual(
      members.filter((member) => !new RegExp(`\\b${member}\\b`).test(help)),
      [],
    );
  });
}

test('the page of the command line is made from the commands', (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/cli-docs.mjs', '--check'], {
    encoding: 'utf8',
  });
  t.is(status, 0, stderr);
});

test('the command line is a few files beside the rooms, with the licences of what they have of others', (t) => {
  const folder = join(PROGRAM, '..');
  const files = readdirSync(folder).filter((name) => name.endsWith('.cjs'));
  t.deepEqual(files.sort(), [
    'change.cjs',
    'fleet-worker.cjs',
    'info.cjs',
    'main.cjs',
    'more.cjs',
    'program.cjs',
    'show.cjs',
  ]);
  const text = files.map((name) => readFileSync(join(folder, name), 'utf8')).join('');
  // What it loads besides is Node.js, the native core, and packages that few commands need, which rooms load.
  const required = new Set([...text.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name]) => name ?? ''));
  t.deepEqual(
    [...required].filter((name) => !/^(?:node:|\.\/[a-z]+\.cjs$|\.\.\/(?:rooms|report-page)\/)/.test(name)),
    [],
  );
  t.false(/\bimport\("\.{0,2}\//.test(text));
  t.true(text.includes('commander.unknownCommand'));
  const notices = readFileSync(join(PROGRAM, '../NOTICES.txt'), 'utf8');
  t.regex(notices, /^The command line has parts of commander:\n\n\(The MIT License\)\n\nCopyright/);
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object };
  t.false('commander' in dependencies, 'who installs the package need not install it');
});

test('help, and what only reads a pool, loads no part of Node.js that takes long', (t) => {
  const dir = folderOf(t);
  copyFileSync(SAMPLE, join(dir, '.kvp_pool_1'));
  const script = `process.on('exit', () => {
    const heavy = /^NativeModule (child_process|net|perf_hooks|worker_threads|zlib|crypto|http|tty|dgram)$/;
    require('node:fs').writeSync(2, process.moduleLoadList.filter((name) => heavy.test(name)).join() + ';');
  });
  process.argv.splice(1, 1);
  require(process.argv[1]);`;
  const loaded = join(dir, 'loaded.cjs');
  writeFileSync(loaded, script);
  for (const args of [['--help'], ['info'], ['dump'], ['show', '--help'], ['show']]) {
    const { stderr, status } = spawnSync(process.execPath, [loaded, PROGRAM, '--dir', dir, ...args], {
      encoding: 'utf8',
      env: environment(),
    });
    t.deepEqual([status, stderr], [0, ';'], args.join(' '));
  }
});

test('only replay needs packages that need not be installed beside the command line', (t) => {
  const folder = folderOf(t);
  for (const part of ['dist/cli', 'dist/rooms', 'dist/index.cjs', 'package.json'])
    cpSync(part, join(folder, part), { recursive: true });
  const call = (...args: string[]) => {
    const program = [join(folder, 'dist/cli/main.cjs'), ...args];
    return spawnSync(process.execPath, program, {
      encoding: 'utf8',
      env: { ...environment(), KVP_TRACING_BACKEND: 'js' },
    });
  };
  for (const args of [
    ['fleet', SAMPLE],
    ['extract', SAMPLE],
    ['log', SAMPLE],
    ['inspect', SAMPLE],
    ['doctor', '-q'],
  ]) {
    const { status, stderr } = call(...args);
    t.notRegex(stderr, /Cannot find module|needs @/, args.join(' '));
    t.true(status === 0 || status === 1, `${args.join(' ')}: ${stderr}`);
  }
  const { status, stderr } = call('replay', '--endpoint', 'http://127.0.0.1:1', SAMPLE);
  t.deepEqual([status, stderr], [3, 'exporting needs @opentelemetry/api: npm install @opentelemetry/api\n']);
});
