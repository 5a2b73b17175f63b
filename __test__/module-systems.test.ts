import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { build, type Format } from 'esbuild';
import * as source from '../src/index.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';

/** The native core of this checkout; what is installed elsewhere does not find it. */
const CORE = readdirSync(ROOT)
  .filter((name) => name.endsWith('.node'))
  .map((name) => fileURLToPath(new URL(name, ROOT)))[0];

/** A folder in which the package is installed as it is published, with what it needs. */
function installed(t: ExecutionContext): string {
  const folder = folderOf(t);
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'kvp-tracing'), { recursive: true });
  for (const part of ['dist', 'package.json'])
    cpSync(new URL(part, ROOT), join(modules, 'kvp-tracing', part), { recursive: true });
  for (const name of readdirSync(new URL('node_modules', ROOT))) {
    if (name !== 'kvp-tracing')
      symlinkSync(fileURLToPath(new URL(`node_modules/${name}`, ROOT)), join(modules, name));
  }
  return folder;
}

function run(folder: string, file: string, text: string, node: readonly string[] = []): string {
  writeFileSync(join(folder, file), text);
  return execFileSync(process.execPath, [...node, file], { cwd: folder, encoding: 'utf8' });
}

const ONE_INSTANCE = `
  const same = required.Registry === imported.Registry && required.Span === imported.Span;
  const memory = new imported.MemoryLayer();
  required.setGlobalDefault(new imported.Registry().with(memory));
  required.info('by require');
  imported.info('by import');
  const layer = new spans.OpenTelemetryLayer();
  console.log(same, layer instanceof imported.BaseLayer, memory.take().events.length);`;

test('import and require give one and the same package, in modules and in CommonJS', (t) => {
  const folder = installed(t);
  const module = `
    import { createRequire } from 'node:module';
    import * as imported from 'kvp-tracing';
    import * as spans from 'kvp-tracing/opentelemetry';
    const required = createRequire(import.meta.url)('kvp-tracing');${ONE_INSTANCE}`;
  t.is(run(folder, 'program.mjs', module), 'true true 2\n');
  const script = `
    const required = require('kvp-tracing');
    const spans = require('kvp-tracing/opentelemetry');
    import('kvp-tracing').then((imported) => {${ONE_INSTANCE}});`;
  t.is(run(folder, 'program.cjs', script), 'true true 2\n');
});

test('what is imported by name is what the sources export', (t) => {
  const names = JSON.parse(
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        "import * as all from 'kvp-tracing'; console.log(JSON.stringify(Object.keys(all)))",
      ],
      { cwd: ROOT, encoding: 'utf8' },
    ),
  ) as string[];
  const own = names.filter((name) => name !== 'default' && name !== 'module.exports');
  t.deepEqual(own.sort(), Object.keys(source).sort());
});

test('classes have their names, although the code is minified', (t) => {
  const script = `
    const kvp = require('kvp-tracing');
    const classes = Object.entries(kvp).filter(([name, value]) => typeof value === 'function' && /^[A-Z]/.test(name));
    console.log(classes.length > 30, classes.filter(([name, value]) => value.name !== name).join());
    console.log(require('node:util').inspect(kvp.openPool('x')).split(' ')[0]);`;
  t.is(
    execFileSync(process.execPath, ['--input-type=commonjs', '-e', script], { cwd: ROOT, encoding: 'utf8' }),
    'true \nPoolStore\n',
  );
});

test('a room is loaded by the first call of what is in it, and not before', (t) => {
  const script = `
    const path = require('node:path');
    const rooms = () => Object.keys(require.cache).map((file) => path.basename(file, '.cjs')).filter((name) => !['index', 'program'].includes(name));
    const kvp = require('kvp-tracing');
    const { readDiagnosticsSync, timeline, renderTree, initializeTracing, bridgeDiagnosticsChannels, EmitKVPLayer } = kvp;
    console.log(rooms().join());
    console.log(renderTree(timeline([])), rooms().join());
    initializeTracing({ kvp: false }).then((tracing) => { console.log(rooms().join()); return tracing.shutdown(); });`;
  t.is(
    run(installed(t), 'program.cjs', script),
    'core,base\n core,base,reading,pools,shared\ncore,base,reading,pools,shared,setup,report\n',
  );
});

test('what stands for a function or class until its room is loaded is there for each that is used', (t) => {
  const rooms = new URL('dist/rooms/', ROOT);
  for (const file of readdirSync(rooms).filter((name) => name.endsWith('.cjs'))) {
    const text = readFileSync(new URL(file, rooms), 'utf8');
    t.notRegex(text, /\brequire\(["']node:/, `${file}: bundlers that make modules can't have that`);
    for (const [, name] of text.matchAll(/\brequire\(["'](\.[^"']+)["']\)/g))
      t.notThrows(() => readFileSync(new URL(name as string, rooms)), file);
  }
});

test('Node.js preloads kvp-tracing/register by --require as by --import', (t) => {
  const folder = installed(t);
  for (const [index, option] of ['--require', '--import'].entries()) {
    const pool = join(folder, `pool${index}`);
    writeFileSync(
      join(folder, 'program.cjs'),
      "const { trace } = require('@opentelemetry/api'); trace.getTracer('x').startSpan('work').end();",
    );
    const { status, stderr } = spawnSync(process.execPath, [option, 'kvp-tracing/register', 'program.cjs'], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, KVP_TRACING_POOL: pool, KVP_TRACING_NATIVE: CORE },
    });
    t.is(status, 0, stderr);
    t.regex(readFileSync(pool, 'latin1'), /\|work\|/, option);
  }
});

test('esbuild bundles the package for both module systems, and what it makes writes and reads a pool', async (t) => {
  const folder = installed(t);
  const entry = join(folder, 'entry.mjs');
  writeFileSync(
    entry,
    `import { info, initializeTracing, inSpan, readDiagnosticsSync } from 'kvp-tracing';
     const path = process.argv[2];
     const main = async () => {
       const tracing = await initializeTracing({ kvp: { path, vmId: 'vm' }, stderr: false });
       inSpan('work', () => info('done'));
       await tracing.shutdown();
       console.log(readDiagnosticsSync(path).diagnostics.length);
     };
     void main();`,
  );
  for (const [format, file] of [
    ['esm', 'bundle.mjs'],
    ['cjs', 'bundle.cjs'],
  ] satisfies [Format, string][]) {
    const outfile = join(folder, 'out', file);
    const external = ['@opentelemetry/*', 'pino'];
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: 'node',
      format,
      external,
      logLevel: 'silent',
    });
    const { stdout, stderr } = spawnSync(process.execPath, [outfile, join(folder, `${file}.pool`)], {
      encoding: 'utf8',
      cwd: '/',
      env: { ...process.env, KVP_TRACING_NATIVE: CORE },
    });
    t.deepEqual([stdout, stderr], ['3\n', ''], file);
  }
});
