import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { VERSION } from '../src/version.ts';
import { folderOf } from './helpers/pool-folder.ts';

const ROOT = new URL('../', import.meta.url);

function node(...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
}

test('importing the package loads three files, and no other package', (t) => {
  const script = `
    import { createRequire, Module } from 'node:module';
    await import('kvp-tracing');
    const loaded = Object.keys(createRequire(import.meta.url).cache).concat(Object.keys(Module._cache));
    const found = loaded.map((path) => path.split('/').at(-1));
    console.log(JSON.stringify([...new Set(found)]), globalThis[Symbol.for('opentelemetry.js.api.1')] === undefined);`;
  t.is(node('--input-type=module', '-e', script), '["index.cjs","core.cjs","base.cjs"] true\n');
});

/** What the fallback needs to write: it starts a program. */
const OF_FALLBACK = ['child_process', 'crypto', 'net'];

test('until the first event is in the file no part of Node.js is loaded that takes long', (t) => {
  const script = `
    const slow = /^NativeModule (child_process|crypto|http|net|os|perf_hooks|stream|tty|url|worker_threads|zlib)$/;
    const before = new Set(process.moduleLoadList);
    const { backend, info, initializeTracing } = require('kvp-tracing');
    (async () => {
      const kvp = { path: process.argv[1], vmId: 'vm' };
      const tracing = await initializeTracing({ kvp, stderr: { filter: 'info' } });
      info({ user: 'alice', keys: 3, password: 'x' }, 'first');
      await tracing.flush();
      const loaded = process.moduleLoadList.filter((name) => !before.has(name) && slow.test(name));
      require('node:fs').writeSync(1, JSON.stringify([backend(), loaded.map((name) => name.split(' ')[1])]));
    })();`;
  const pool = join(folderOf(t), 'pool');
  // Standard error is a socket, as systemd's journal is.
  const { stdout } = spawnSync(process.execPath, ['--input-type=commonjs', '-e', script, pool], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [backend, loaded] = JSON.parse(stdout) as [string, string[]];
  t.deepEqual(
    loaded.filter((name) => backend === 'native' || !OF_FALLBACK.includes(name)),
    [],
  );
});

test('an error that nobody catches comes with a short line of the source', (t) => {
  const script = "require('kvp-tracing').initializeTracing({ stderr: true });";
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=commonjs', '-e', script], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  t.is(status, 1);
  t.regex(stderr, /OptionError: stderr must be an object of options or false, not true/);
  for (const line of stderr.split('\n')) t.true(line.length < 500, line);
});

test('all files of code are ASCII, which Node.js keeps at a byte a character, and break lines in no text', (t) => {
  const dist = new URL('dist/', ROOT);
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.cjs') && !name.startsWith('report-page/static'),
  );
  t.true(files.length > 10);
  for (const name of files) {
    const code = readFileSync(new URL(name, dist), 'utf8');
    t.regex(code, /^[\0-\x7f]*$/, name);
    t.notRegex(code, /\\$/m, `${name}: bundlers indent lines, also what goes on in a text`);
  }
});

test('a CommonJS program can require it, without a warning', (t) => {
  const script =
    "const { Level, backend } = require('kvp-tracing'); console.log(Level.INFO, typeof backend());";
  t.is(node('--input-type=commonjs', '--throw-deprecation', '-e', script), 'INFO string\n');
});

test('pino and what belongs to it come by an entry of their own', (t) => {
  const script =
    "const entry = require('kvp-tracing/pino'); console.log(Object.keys(entry).join(' '), new entry.JsonLayer({ writer: { write() {} } }).name);";
  t.is(node('--input-type=commonjs', '-e', script), 'JsonLayer pinoBridge pinoMixin JsonLayer\n');
});

/** What makes layers with a text as their filter, by the entry that is imported alone; `register` has tests of its own. */
const FILTERED = {
  'kvp-tracing': 'new MemoryLayer({ filter })',
  'kvp-tracing/opentelemetry': 'new OpenTelemetryLayer({ filter })',
  'kvp-tracing/pino': 'new JsonLayer({ filter, writer: { write() {} } })',
};

for (const [entry, layer] of Object.entries(FILTERED)) {
  test(`${entry} alone understands the text of an EnvFilter`, (t) => {
    const name = /new (\w+)/.exec(layer)?.[1];
    const script = `
      import { ${name} } from '${entry}';
      const filter = 'warn,my_agent=debug';
      console.log(${layer}.filter.verbosity);`;
    t.is(node('--input-type=module', '-e', script), '4\n');
  });
}

test('all manifests, the crates and the sources have one version', (t) => {
  const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
  const platforms = readdirSync(new URL('npm', ROOT)).map((name) => `npm/${name}/package.json`);
  t.is(platforms.length, 4);
  for (const manifest of ['package.json', 'package-lock.json', ...platforms]) {
    t.is((JSON.parse(read(manifest)) as { version: string }).version, VERSION, manifest);
  }
  t.is(/^version = "([^"]+)"/m.exec(read('Cargo.toml'))?.[1], VERSION);
});

test('npm installs the tools of this checkout without a warning', (t) => {
  const { stderr } = spawnSync('npm', ['ci', '--dry-run', '--offline'], { cwd: ROOT, encoding: 'utf8' });
  t.is(stderr, '');
});

test('a backend that is neither native, js nor auto is refused', (t) => {
  const script =
    "import { backend } from 'kvp-tracing'; try { backend(); } catch (e) { console.log(e.code, e.message); }";
  const args = ['--input-type=module', '-e', script];
  const env = { ...process.env, KVP_TRACING_BACKEND: 'rust' };
  const text = execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', env });
  const message = 'KVP_TRACING_BACKEND must be native, js or auto, not "rust"';
  t.is(text, `ERR_KVP_INVALID_OPTION ${message}\n`);
  const setUp = `import { initializeTracing } from 'kvp-tracing'; const set = () => initializeTracing({ kvp: { path: '/nowhere/pool' } });
    for (const _ of [1, 2]) await set().catch((e) => console.log(e.message));`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', setUp], {
    cwd: ROOT,
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.is(said, `${message}\n${message}\n`);
});

test('without its platform package everything runs on the fallback with one line, and native can be demanded', (t) => {
  const folder = folderOf(t);
  const installed = join(folder, 'node_modules/kvp-tracing');
  for (const part of ['dist', 'package.json']) {
    cpSync(new URL(part, ROOT), join(installed, part), { recursive: true });
  }
  const script = `
    import { backend, EmitKVPLayer } from 'kvp-tracing';
    try { console.log(backend(), backend()); new EmitKVPLayer({ path: 'pool', vmId: 'vm' }); }
    catch (error) { console.log(error.name, error.code, error.cause instanceof Error); }`;
  const run = (asked: string) => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, KVP_TRACING_BACKEND: asked },
    });
    return { stdout, stderr };
  };
  const { stdout, stderr } = run('auto');
  t.is(stdout, 'js js\n');
  t.regex(
    stderr,
    /^kvp-tracing: the native core can't be loaded: .+; writing from JavaScript instead \(ERR_KVP_BINDING\)\n$/,
  );
  t.deepEqual(run('native'), { stdout: 'BindingError ERR_KVP_BINDING true\n', stderr: '' });
  t.deepEqual(run('js'), { stdout: 'js js\n', stderr: '' });
});

test('pino is found behind a link, as pnpm installs it, after lines were written to a pipe', (t) => {
  const folder = folderOf(t);
  const modules = join(folder, 'node_modules');
  for (const part of ['dist', 'package.json']) {
    cpSync(new URL(part, ROOT), join(modules, 'kvp-tracing', part), { recursive: true });
  }
  symlinkSync(new URL('node_modules/pino', ROOT), join(modules, 'pino'));
  const script = `
    import { info, initializeTracing } from 'kvp-tracing';
    for (const format of ['full', 'json']) {
      const tracing = await initializeTracing({ kvp: false, stderr: { format, filter: 'info' } });
      info('written');
      await tracing.shutdown();
    }`;
  const args = ['--input-type=module', '-e', script];
  const { stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  t.regex(stderr, /^.+ INFO app: written\n\{"level":30,.+"msg":"written"\}\n$/);
});
