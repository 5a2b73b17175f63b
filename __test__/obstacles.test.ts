import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { chooseBackend } from '../src/pool/binding.ts';
import { namespacesMissing, withOwnMounts } from './helpers/namespaces.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ended, onBuilt, ROOT } from './helpers/programs.ts';

/** What keeps a pool from being opened, in a shell where its folder is `$dir`, and what ends it. */
interface Obstacle {
  code: string;
  make: string;
  undo: string;
}

const OBSTACLES: Record<string, Obstacle> = {
  'a root that is not yet mounted for writing': {
    code: 'EROFS',
    make: 'mkdir $dir && mount -t tmpfs none $dir && mount -o remount,ro $dir',
    undo: 'mount -o remount,rw $dir',
  },
  'such a root with a pool of before': {
    code: 'EROFS',
    make: 'mkdir $dir && mount -t tmpfs none $dir && touch $dir/pool && mount -o remount,ro $dir',
    undo: 'mount -o remount,rw $dir',
  },
  'a file system without free inodes': {
    code: 'ENOSPC',
    make: 'mkdir $dir && mount -t tmpfs -o nr_inodes=2 none $dir && touch $dir/other',
    undo: 'rm $dir/other',
  },
  'too many open files': { code: 'EMFILE', make: 'mkdir $dir', undo: 'true' },
};

/** `files` is true where the program itself has all files open that it may. */
const SOURCE = `
  import { spawnSync } from 'node:child_process';
  import { closeSync, openSync } from 'node:fs';
  import { dirname } from 'node:path';
  import { initializeTracing, info, warn } from 'kvp-tracing';
  const [path, make, undo, files, ends] = process.argv.slice(1);
  const sh = (command) => {
    const { status, stderr } = spawnSync('sh', ['-c', command], { env: { ...process.env, dir: dirname(path) } });
    if (status !== 0) throw new Error(String(stderr));
  };
  const texts = (problems) => problems.map(({ message }) => message);
  const timed = async (act) => {
    const started = performance.now();
    const { complete, dropped, problems } = await act();
    return { complete, dropped, problems: texts(problems), took: performance.now() - started };
  };
  const said = [];
  const options = { kvp: { path, vmId: 'vm' }, stderr: false, onProblem: ({ message }) => said.push(message) };
  // Loads what is loaded at the first time.
  await (await initializeTracing({ ...options, kvp: { path: process.argv[6], vmId: 'vm' } })).shutdown();
  sh(make);
  const open = [];
  const openAll = () => {
    try {
      while (files === 'true') open.push(openSync('/dev/null'));
    } catch {}
  };
  openAll();
  const tracing = await initializeTracing(options);
  // What the runtime itself has closed meanwhile.
  openAll();
  info('early');
  warn('early');
  const first = await timed(() => tracing.flush());
  const { lastError, written } = tracing.stats().EmitKVPLayer;
  const stats = { error: lastError?.message, written };
  const again = ends === 'true' ? undefined : await timed(() => tracing.flush());
  if (ends !== 'true') {
    for (const fd of open) closeSync(fd);
    sh(undo);
  }
  const last = await timed(() => tracing.shutdown());
  for (const fd of open) try { closeSync(fd); } catch {}
  process.stdout.write(JSON.stringify({ first, again, last, said, stats, }));
  if (ends !== 'true') spawnSync('cp', [path, process.argv[6]]);
`;

interface Flushed {
  complete: boolean;
  dropped: number;
  problems: string[];
  took: number;
}

async function run(t: ExecutionContext, { code, make, undo }: Obstacle, ends: boolean) {
  const folder = folderOf(t);
  const [path, copy] = [join(folder, 'dir', 'pool'), join(folder, 'copy')];
  const args = [path, make, undo, String(code === 'EMFILE'), String(ends), copy];
  const source = code === 'EMFILE' ? `ulimit -n 200 && exec "$@"` : undefined;
  const child =
    source === undefined
      ? withOwnMounts(SOURCE, ...args)
      : spawn('sh', ['-c', source, 'sh', process.execPath, ...onBuilt(SOURCE, ...args)], { cwd: ROOT });
  const { stdout, stderr } = await ended(child);
  if (stdout === '') throw new Error(stderr);
  const told = JSON.parse(stdout) as {
    first: Flushed;
    again: Flushed;
    last: Flushed;
    said: string[];
    stats: { error?: string; written: number };
  };
  return { ...told, copy };
}

for (const [what, obstacle] of Object.entries(OBSTACLES)) {
  const { code } = obstacle;
  const isSaid = new RegExp(`can not be opened, which is tried again .*: cannot open .*\\(${code}\\)`);

  test.serial(`${what} is waited for: what was emitted before is written when it is over`, async (t) => {
    if (!has(t, namespacesMissing)) return;
    const { first, again, last, said, stats, copy } = await run(t, obstacle, false);
    for (const { complete, dropped, problems, took } of [first, again]) {
      t.deepEqual([complete, dropped, problems.length], [false, 0, 1], problems.join());
      t.regex(problems[0] ?? '', isSaid);
      t.true(took < 1500, `a flush takes ${took} ms`);
    }
    t.regex(stats.error ?? '', isSaid);
    t.deepEqual([last.complete, last.dropped], [true, 0], last.problems.join());
    t.is(said.filter((message) => isSaid.test(message)).length, 1, 'it is told once');
    const { diagnostics } = readDiagnosticsSync(copy);
    t.deepEqual(
      diagnostics.map(({ message }) => message),
      ['early', 'early'],
    );
  });

  test.serial(`${what} that stays costs a count, with the reason`, async (t) => {
    if (!has(t, namespacesMissing)) return;
    const { first, last } = await run(t, obstacle, true);
    t.false(first.complete);
    t.deepEqual([last.complete, last.dropped], [false, 2]);
    t.true(last.took < 1500, `a shutdown takes ${last.took} ms`);
    const isCounted = new RegExp(
      `misses 2 records: 1 WARN \\(io\\), 1 INFO \\(io\\): cannot open .*\\(${code}\\)`,
    );
    t.true(
      last.problems.some((message) => isCounted.test(message)),
      last.problems.join(),
    );
  });
}

const missing =
  process.getuid?.() === 0 && spawnSync('prlimit', ['--version']).status === 0
    ? undefined
    : 'a user without processes needs root, and the program prlimit (Debian: apt-get install util-linux)';

const NO_THREADS = `
  import { spawnSync } from 'node:child_process';
  import { initializeTracing, info } from 'kvp-tracing';
  spawnSync('prlimit', ['--pid', String(process.pid), '--nproc=1']);
  process.setgid(65534);
  process.setuid(65534);
  const kvp = { path: process.argv[1], vmId: 'vm' };
  for (let round = 0; round < 2; round++) {
    const tracing = await initializeTracing({ kvp, stderr: false });
    info('written');
    const { complete, dropped } = await tracing.flush();
    const { backend } = tracing.stats().EmitKVPLayer;
    console.log(JSON.stringify({ complete, dropped, backend }));
    await tracing.shutdown();
  }`;

test.serial('where the system refuses the thread of the writer, the fallback writes at once', async (t) => {
  if (!has(t, missing)) return;
  const folder = folderOf(t);
  chmodSync(folder, 0o777);
  const path = join(folder, 'pool');
  const { code, stdout, stderr } = await ended(
    spawn(process.execPath, onBuilt(NO_THREADS, path), { cwd: ROOT }),
  );
  t.is(code, 0, stderr);
  const written = '{"complete":true,"dropped":0,"backend":"js"}';
  t.is(stdout, `${written}\n${written}\n`, stderr);
  t.is(readDiagnosticsSync(path).diagnostics.length, 2);
  const lines = stderr.match(/^kvp-tracing: .*EAGAIN.*; writing from JavaScript instead .*$/gm) ?? [];
  t.is(lines.length, chooseBackend() === 'native' ? 1 : 0, stderr);
});

const FULL = `
import { EmitKVPLayer, Registry, setGlobalDefault, target } from 'kvp-tracing';
const layer = new EmitKVPLayer({ path: process.argv[1], vmId: 'vm', onProblem: () => {} });
setGlobalDefault(new Registry().with(layer));
for (let i = 0; i < 100; i++) target('t').info('text');
const { complete, problems } = await layer.flush({ timeout: 200 });
const { dropped } = await layer.shutdown({ timeout: 200 });
console.log(JSON.stringify({ complete, problems: problems.map(({ message }) => message), dropped, written: layer.stats().written }));
`;

test('where a file may not become larger that is said, and nothing else', async (t) => {
  const path = join(folderOf(t), 'pool');
  // 25.6 records.
  const args = ['-c', `ulimit -f 64 && exec "$0" "$@"`, process.execPath, ...onBuilt(FULL, path)];
  const { stdout } = await ended(spawn('bash', args, { cwd: ROOT, env: process.env }));
  const { complete, problems, dropped, written } = JSON.parse(stdout);
  t.false(complete);
  t.deepEqual(problems, [`cannot write ${path}: file too large (EFBIG)`]);
  t.is(statSync(path).size, written * 2560);
  t.is(written + dropped, 100);
});
