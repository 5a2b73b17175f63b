// Bundlers, single executable applications, Jest and TypeScript.
import { chmodSync, copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { bin, NODES, run, TOOLS } from './tools.mjs';

const ENTRY = `import * as kvp from 'kvp-tracing';
import { tmpdir } from 'node:os';
const main = async () => {
  const path = tmpdir() + '/pool-' + process.pid;
  const tracing = await kvp.initializeTracing({ kvp: { path, vmId: 'vm' }, stderr: false });
  kvp.inSpan('work', () => kvp.info('done'));
  await tracing.shutdown();
  console.log(kvp.backend(), kvp.readDiagnosticsSync(path).diagnostics.length);
};
main();`;

/** A program that is to export: to a server of its own, which says whether it got anything. */
const EXPORTING = `import * as kvp from 'kvp-tracing';
import { KvpSpanProcessor, OpenTelemetryLayer, replay } from 'kvp-tracing/opentelemetry';
import { createServer } from 'node:http';
const main = async () => {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on('data', (chunk) => (bytes += chunk.length));
    request.on('end', () => response.end());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:' + server.address().port;
  const tracing = await kvp.initializeTracing({ kvp: false, stderr: false });
  kvp.inSpan('work', () => kvp.info('done'));
  await tracing.shutdown();
  server.close();
  const all = [KvpSpanProcessor, OpenTelemetryLayer, replay].every((each) => typeof each === 'function');
  console.log(all, bytes > 0 ? 'exported' : 'nothing exported');
};
main();`;

const load = (name) => import(createRequire(join(TOOLS, 'package.json')).resolve(name));

/** Each makes `out/bundle.mjs` or `out/bundle.cjs` of `entry.mjs`, with no more settings than it needs for a program of Node.js. */
const BUNDLERS = {
  'esbuild, ESM': async (folder) => {
    const { build } = await load('esbuild');
    await build({
      entryPoints: [join(folder, 'entry.mjs')],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: join(folder, 'out/bundle.mjs'),
      logLevel: 'silent',
    });
    return 'bundle.mjs';
  },
  'esbuild, CommonJS': async (folder) => {
    const { build } = await load('esbuild');
    await build({
      entryPoints: [join(folder, 'entry.mjs')],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile: join(folder, 'out/bundle.cjs'),
      logLevel: 'silent',
    });
    return 'bundle.cjs';
  },
  webpack: async (folder) => {
    const { default: webpack } = await load('webpack');
    await new Promise((resolve, reject) => {
      webpack(
        {
          mode: 'production',
          target: 'node',
          context: folder,
          entry: './entry.mjs',
          output: { path: join(folder, 'out'), filename: 'bundle.cjs' },
        },
        (error, stats) =>
          error || stats.hasErrors() ? reject(error ?? new Error(stats.toString('errors-only'))) : resolve(),
      );
    });
    return 'bundle.cjs';
  },
  rollup: async (folder) => {
    const { rollup } = await load('rollup');
    const plugins = await Promise.all(
      ['@rollup/plugin-node-resolve', '@rollup/plugin-commonjs', '@rollup/plugin-json'].map(load),
    );
    const bundle = await rollup({
      input: join(folder, 'entry.mjs'),
      plugins: [
        plugins[0].default({ preferBuiltins: true, exportConditions: ['node'] }),
        plugins[1].default(),
        plugins[2].default(),
      ],
      onwarn: () => {},
    });
    await bundle.write({
      dir: join(folder, 'out'),
      format: 'es',
      entryFileNames: 'bundle.mjs',
      chunkFileNames: '[name].mjs',
    });
    return 'bundle.mjs';
  },
  rolldown: async (folder) => {
    const { rolldown } = await load('rolldown');
    const bundle = await rolldown({ input: join(folder, 'entry.mjs'), platform: 'node', logLevel: 'silent' });
    await bundle.write({
      dir: join(folder, 'out'),
      format: 'esm',
      entryFileNames: 'bundle.mjs',
      chunkFileNames: '[name].mjs',
    });
    return 'bundle.mjs';
  },
  'vite, noExternal': async (folder) => {
    const { build } = await load('vite');
    await build({
      root: folder,
      logLevel: 'silent',
      configFile: false,
      ssr: { noExternal: true },
      build: { ssr: 'entry.mjs', outDir: 'out', rollupOptions: { output: { entryFileNames: 'bundle.mjs' } } },
    });
    return 'bundle.mjs';
  },
  ncc: async (folder) => {
    await run(
      process.execPath,
      [join(bin('@vercel/ncc'), 'dist/ncc/cli.js'), 'build', 'entry.mjs', '-o', 'out', '--no-cache', '-q'],
      { cwd: folder },
    );
    renameSync(join(folder, 'out/index.mjs'), join(folder, 'out/bundle.mjs'));
    return 'bundle.mjs';
  },
  'bun build': async (folder) => {
    await run(
      join(bin('bun'), 'bin/bun.exe'),
      ['build', 'entry.mjs', '--target=node', '--outfile=out/bundle.mjs'],
      { cwd: folder },
    );
    return 'bundle.mjs';
  },
};

const NATIVE = /^native 3$/;

export async function bundlers(cases) {
  const folder = cases.project();
  await cases.npmInstall(folder);
  for (const [name, make] of Object.entries(BUNDLERS)) {
    const own = join(folder, name.replaceAll(/\W+/g, '-'));
    mkdirSync(own);
    writeFileSync(join(own, 'entry.mjs'), ENTRY);
    let made;
    const making = make(own).then((file) => (made = file));
    for (const [version, node] of Object.entries(NODES)) {
      await cases.try('bundler', `${name}, on Node.js ${version}`, NATIVE, async () => {
        await making;
        const { stdout, stderr } = await run(node, [join(own, 'out', made)], { cwd: '/' });
        return (stdout + stderr).trim();
      });
    }
    if (made !== undefined) {
      // Where neither the package nor its native core is: the fallback. bun writes into a bundle where the package was.
      await cases.try(
        'bundler',
        `${name}, alone`,
        name === 'bun build' ? NATIVE : /^js 3\nkvp-tracing: [^\n]*not installed[^\n]*$/,
        async () => {
          const alone = join(cases.folder, `alone-${name.replaceAll(/\W+/g, '-')}`);
          renameSync(join(own, 'out'), alone);
          const { stdout, stderr } = await run(process.execPath, [join(alone, made)], { cwd: '/' });
          return (stdout + stderr).trim();
        },
      );
    }
  }
  await exporting(
    cases,
    folder,
    'without the SDK',
    /^true nothing exported\nkvp-tracing: [^\n]*: npm install [^\n]*$/,
  );
  const installed = cases.project();
  await cases.npmInstall(installed, '@opentelemetry/sdk-trace', '@opentelemetry/otlp-transformer');
  await exporting(cases, installed, 'with the SDK', /^true exported$/);
  await executables(cases, folder);
}

/** The SDK is CommonJS that requires modules of Node.js, which esbuild refuses at run time in a bundle of ES modules. */
const REFUSED = /^true nothing exported\n(?:kvp-tracing: [^\n]*Dynamic require of[^\n]*\n?)+$/;

async function exporting(cases, folder, what, wanted) {
  for (const [name, make] of Object.entries(BUNDLERS)) {
    const expected = name === 'esbuild, ESM' && what === 'with the SDK' ? REFUSED : wanted;
    const own = join(folder, `exporting-${name.replaceAll(/\W+/g, '-')}`);
    mkdirSync(own);
    writeFileSync(join(own, 'entry.mjs'), EXPORTING);
    await cases.try('bundler', `${name}, ${what}`, expected, async () => {
      const { stdout, stderr } = await run(process.execPath, [join(own, 'out', await make(own))], {
        cwd: '/',
      });
      return (stdout + stderr).trim();
    });
  }
}

async function executables(cases, folder) {
  const { build } = await load('esbuild');
  const code = join(folder, 'sea.cjs');
  writeFileSync(join(folder, 'sea-entry.mjs'), ENTRY);
  await build({
    entryPoints: [join(folder, 'sea-entry.mjs')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile: code,
    logLevel: 'silent',
  }).catch(() => undefined);
  for (const version of ['22', '24', '26']) {
    await cases.try('single executable', `Node.js ${version}`, NATIVE, async () => {
      const [config, blob, program] = ['json', 'blob', 'program'].map((kind) =>
        join(folder, `sea${version}.${kind}`),
      );
      writeFileSync(
        config,
        JSON.stringify({ main: code, output: blob, disableExperimentalSEAWarning: true }),
      );
      await run(NODES[version], ['--experimental-sea-config', config], { cwd: folder });
      copyFileSync(NODES[version], program);
      chmodSync(program, 0o755);
      await run(process.execPath, [
        join(bin('postject'), 'dist/cli.js'),
        program,
        'NODE_SEA_BLOB',
        blob,
        '--sentinel-fuse',
        'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2',
      ]);
      const { stdout, stderr } = await run(program, [], { cwd: '/' });
      return (stdout + stderr).trim();
    });
  }
}

export async function jest(cases) {
  const folder = cases.project({ jest: { testEnvironment: 'node' } });
  await cases.npmInstall(folder);
  writeFileSync(
    join(folder, 'a.test.js'),
    `const kvp = require('kvp-tracing'); test('a', () => { expect(kvp.backend()).toBe('native'); expect(kvp.timeline([]).roots).toEqual([]); });`,
  );
  for (const [version, node] of Object.entries(NODES)) {
    await cases.try('test runner', `Jest on Node.js ${version}`, /Tests: +1 passed/, async () => {
      const { stderr } = await run(node, [join(bin('jest'), 'bin/jest.js'), '--rootDir', folder], {
        cwd: folder,
      });
      return stderr;
    });
  }
}

const TYPED = `import { EmitKVPLayer, initializeTracing, instrument, Registry, type Layer, type Tracing } from 'kvp-tracing';
import { OpenTelemetryLayer } from 'kvp-tracing/opentelemetry';
const layer: Layer = new EmitKVPLayer({ path: '/x' });
new Registry().with(layer).with(new OpenTelemetryLayer());
const f: (a: number) => string = instrument((a: number) => String(a));
export async function main(): Promise<number> {
  await using tracing: Tracing = await initializeTracing({ signals: true });
  const outcome = await tracing.flush();
  return f(1).length + Number(outcome.complete);
}
`;

/** \`module\`, \`moduleResolution\` and whether the program is CommonJS. */
const SETTINGS = [
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
];

export async function compilers(cases) {
  for (const hasNode of [true, false]) {
    const folder = cases.project();
    await cases.npmInstall(folder, ...(hasNode ? ['@types/node@22'] : []));
    for (const name of ['module.mts', 'script.cts']) writeFileSync(join(folder, name), TYPED);
    for (const version of ['5.4', '5.9', '6.0', '7.0']) {
      for (const [module, moduleResolution] of SETTINGS) {
        await cases.try(
          'TypeScript',
          `${version}, ${module}, ${hasNode ? 'with' : 'without'} @types/node`,
          /^$/,
          async () => {
            const files = module === 'esnext' ? ['module.mts'] : ['module.mts', 'script.cts'];
            const options = {
              module,
              moduleResolution,
              target: 'es2022',
              lib: ['es2022'],
              strict: true,
              exactOptionalPropertyTypes: true,
              skipLibCheck: false,
              noEmit: true,
            };
            writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files }));
            const { stdout } = await run(
              process.execPath,
              [join(bin(`ts${version}`), 'bin/tsc'), '-p', folder],
              { cwd: folder },
            );
            return stdout.trim();
          },
        );
      }
    }
  }
}
