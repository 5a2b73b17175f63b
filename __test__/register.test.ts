import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { type Ended, ended, ROOT } from './helpers/programs.ts';

/** What the SDK of the tests needs. */
const SDK = ['api', 'core', 'resources', 'sdk-trace', 'sdk-trace-base', 'semantic-conventions'];

interface Program {
  /** Packages of OpenTelemetry that are installed. Default: the SDK. */
  packages?: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** What Node.js is given before the program. Default: the registration alone. */
  args?: readonly string[];
  /** The program's file. Default `program.mjs`. */
  file?: string;
}

/** Runs a program in a folder of its own where the built package is installed; returns what its pool says, too. */
async function run(
  t: ExecutionContext,
  source: string,
  {
    packages = SDK,
    env = {},
    args = ['--import', 'kvp-tracing/register'],
    file = 'program.mjs',
  }: Program = {},
): Promise<Ended & { diagnostics: Diagnostic[] }> {
  const folder = folderOf(t);
  const installed = join(folder, 'node_modules/kvp-tracing');
  const binaries = readdirSync(ROOT).filter((name) => name.endsWith('.node'));
  for (const part of ['dist', 'package.json', ...binaries]) {
    cpSync(new URL(part, ROOT), join(installed, part), { recursive: true });
  }
  mkdirSync(join(folder, 'node_modules/@opentelemetry'));
  for (const name of packages) {
    symlinkSync(
      new URL(`node_modules/@opentelemetry/${name}`, ROOT),
      join(folder, 'node_modules/@opentelemetry', name),
    );
  }
  writeFileSync(join(folder, file), source);
  const pool = join(folder, 'pool');
  const child = spawn(process.execPath, [...args, join(folder, file)], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, KVP_TRACING_POOL: pool, ...env },
  });
  const result = await ended(child);
  const { diagnostics, problems } = existsSync(pool)
    ? readDiagnosticsSync(pool)
    : { diagnostics: [], problems: [] };
  t.deepEqual(problems, []);
  // Said only where there is no VM around.
  const stderr = result.stderr.replace(/^kvp-tracing: the id of this VM .+\n/m, '');
  return { ...result, stderr, diagnostics };
}

const kinds = (diagnostics: Diagnostic[]) => diagnostics.map(({ kind, name }) => `${kind} ${name}`);

const NESTED = `
import { setTimeout as sleep } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
const tracer = trace.getTracer('app');
await tracer.startActiveSpan('outer', async (outer) => {
  await sleep(1);
  tracer.startActiveSpan('inner', (inner) => inner.end());
  outer.end();
});`;
const TREE = ['start outer', 'start inner', 'finish inner', 'finish outer'];

/** Another SDK, which prints the names of its spans. */
const OWN_SDK = `
const spanProcessors = [{
  onStart() {},
  onEnd: ({ name, parentSpanContext }) => console.log(name, parentSpanContext !== undefined),
  forceFlush: async () => {},
  shutdown: async () => {},
}];`;
const ADVICE =
  /^kvp-tracing: the program registers an OpenTelemetry SDK of its own, .+: add KvpSpanProcessor .+\n$/;

test('the spans of a program that knows OpenTelemetry alone are in the pool when it ends', async (t) => {
  const env = { OTEL_SERVICE_NAME: 'agent', OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.2' };
  const { code, stdout, stderr, diagnostics } = await run(t, NESTED, { env });
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
  t.deepEqual(kinds(diagnostics), TREE);
  t.is(diagnostics[1]?.parent, diagnostics[0]?.id);
  t.like(diagnostics[0], { agent: 'agent/1.2', target: 'app' });
});

test('so they are when it exits, and when it is CommonJS', async (t) => {
  const { code, stderr, diagnostics } = await run(t, `${NESTED}; process.exit(3);`);
  t.deepEqual([code, stderr, kinds(diagnostics)], [3, '', TREE]);
  const source = `
    const { trace } = require('@opentelemetry/api');
    const tracer = trace.getTracer('app');
    tracer.startActiveSpan('outer', (outer) => { tracer.startActiveSpan('inner', (inner) => inner.end()); outer.end(); });`;
  const common = await run(t, source, { file: 'program.cjs' });
  t.deepEqual([common.stderr, kinds(common.diagnostics)], ['', TREE]);
});

test('the environment filters', async (t) => {
  const { stderr, diagnostics } = await run(t, NESTED, { env: { AZURE_INIT_KVP_FILTER: 'app=off' } });
  t.deepEqual([stderr, diagnostics], ['', []]);
  const wrong = await run(t, NESTED, { env: { AZURE_INIT_KVP_FILTER: 'inof' } });
  t.regex(wrong.stderr, /^kvp-tracing: AZURE_INIT_KVP_FILTER must be .+, not "inof"; it is ignored\n$/);
  t.deepEqual(kinds(wrong.diagnostics), TREE);
});

/** Registers an SDK of its own after a tracer was made and has made spans. */
const later = (register: string, source = '') => `
    import { trace } from '@opentelemetry/api';
    import * as sdk from '@opentelemetry/sdk-trace-base';
    ${source}
    const early = trace.getTracer('early');
    const open = early.startSpan('open');
    early.startSpan('before').end();
    ${OWN_SDK}
    const provider = new sdk.BasicTracerProvider({ spanProcessors });
    ${register}
    early.startActiveSpan('outer', (outer) => {
      trace.getTracer('late').startSpan('inner').end();
      outer.end();
    });
    open.end();`;
const BEFORE = ['start open', 'start before', 'finish before'];
const AFTER = ['start outer', 'start inner', 'finish inner', 'finish outer', 'finish open'];

test('a program that registers an SDK later gets its spans, by old tracers too, and so does the pool', async (t) => {
  const ended = await run(t, later('console.log(trace.setGlobalTracerProvider(provider));'));
  t.deepEqual([ended.code, ended.stdout, ended.stderr], [0, 'true\ninner true\nouter false\n', '']);
  t.deepEqual(kinds(ended.diagnostics), [...BEFORE, ...AFTER]);
  const idOf = (name: string) => ended.diagnostics.find((each) => each.name === name)?.id;
  t.is(ended.diagnostics.find((each) => each.name === 'inner')?.parent, idOf('outer'));
});

test('a provider whose processors can not be joined is seen through the tracers that the API hands out', async (t) => {
  for (const register of [
    'trace.setGlobalTracerProvider({ getTracer: (...args) => provider.getTracer(...args) });',
    'Object.freeze(spanProcessors); trace.setGlobalTracerProvider(provider);',
    'class Wrapper { #sdk = provider; getTracer(name) { return this.#sdk.getTracer(name); } } trace.setGlobalTracerProvider(new Wrapper());',
  ]) {
    const { code, stdout, stderr, diagnostics } = await run(t, later(register));
    t.deepEqual([code, stdout, stderr], [0, 'inner true\nouter false\n', ''], register);
    t.deepEqual(kinds(diagnostics), [...BEFORE, ...AFTER], register);
  }
});

test('one line says what to do where spans have a shape that can not be read', async (t) => {
  const { code, stdout, stderr, diagnostics } = await run(
    t,
    later(`
    const span = () => ({ isRecording: () => true, end() {}, spanContext: () => ({ traceId: '', spanId: '', traceFlags: 1 }) });
    const tracer = { startSpan: span, startActiveSpan: (...args) => args.pop()(span()) };
    console.log(trace.setGlobalTracerProvider({ getTracer: () => tracer }));`),
  );
  t.deepEqual([code, stdout], [0, 'true\n']);
  t.regex(stderr, ADVICE);
  t.deepEqual(kinds(diagnostics), [...BEFORE, 'finish open']);
});

test('each of several SDKs that a program registers in turn reaches the pool', async (t) => {
  const { stderr, diagnostics } = await run(
    t,
    `
    import { trace } from '@opentelemetry/api';
    import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
    for (const name of ['first', 'second', 'third']) {
      const provider = new BasicTracerProvider();
      trace.setGlobalTracerProvider(provider);
      trace.getTracer('x').startSpan(name).end();
      await provider.shutdown();
      trace.disable();
    }`,
  );
  t.is(stderr, '');
  t.deepEqual(
    kinds(diagnostics),
    ['first', 'second', 'third'].flatMap((name) => [`start ${name}`, `finish ${name}`]),
  );
});

test('a provider that a copy of the API registers that is not known reaches the pool', async (t) => {
  const { stdout, stderr, diagnostics } = await run(
    t,
    `
    import { cpSync } from 'node:fs';
    import { createRequire } from 'node:module';
    const require = createRequire(import.meta.url);
    cpSync('node_modules/@opentelemetry/api', 'copy', { recursive: true, dereference: true });
    const { trace } = require(process.cwd() + '/copy/build/src/index.js');
    const { BasicTracerProvider } = require('@opentelemetry/sdk-trace-base');
    console.log(trace.setGlobalTracerProvider(new BasicTracerProvider()));
    trace.getTracer('x').startSpan('copied').end();
    require('@opentelemetry/api').trace.getTracer('x').startSpan('own').end();`,
  );
  t.deepEqual([stdout, stderr], ['true\n', '']);
  t.deepEqual(kinds(diagnostics), ['start copied', 'finish copied', 'start own', 'finish own']);
});

test('a folder that was deleted keeps no spans from the pool', async (t) => {
  const source = `
    import { mkdirSync, rmdirSync } from 'node:fs';
    import { spawnSync } from 'node:child_process';
    const cwd = import.meta.dirname + '/gone';
    mkdirSync(cwd);
    const args = ['-c', 'rmdir "$PWD"; exec "$0" "$@"', process.execPath, '--import', process.env.ENTRY, process.env.MAIN];
    process.stderr.write(spawnSync('sh', args, { cwd, env: { ...process.env, NODE_OPTIONS: '' } }).stderr);`;
  const folder = folderOf(t);
  const main = join(folder, 'main.mjs');
  symlinkSync(new URL('node_modules', ROOT), join(folder, 'node_modules'));
  writeFileSync(main, NESTED);
  const ENTRY = new URL('dist/register.cjs', ROOT).pathname;
  const { stderr, diagnostics } = await run(t, source, { args: [], env: { ENTRY, MAIN: main } });
  t.is(stderr.replace(/^kvp-tracing: the id of this VM .+\n/m, ''), '');
  t.deepEqual(kinds(diagnostics), TREE);
});

test('node -r does the same where Node.js can require ES modules', async (t) => {
  const args = ['-r', 'kvp-tracing/register'];
  const { code, stderr, diagnostics } = await run(t, NESTED, { args });
  t.deepEqual([code, stderr, kinds(diagnostics)], [0, '', TREE]);
  const common = await run(t, "require('@opentelemetry/api').trace.getTracer('x').startSpan('a').end();", {
    args,
    file: 'program.cjs',
  });
  t.deepEqual([common.stderr, kinds(common.diagnostics)], ['', ['start a', 'finish a']]);
});

test('records are signed by the service of the SDK that the program registers', async (t) => {
  const { stderr, diagnostics } = await run(
    t,
    `
    import { trace } from '@opentelemetry/api';
    import { resourceFromAttributes } from '@opentelemetry/resources';
    import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
    trace.getTracer('x').startSpan('before').end();
    const resource = resourceFromAttributes({ 'service.name': 'agent', 'service.version': '1.2' });
    trace.setGlobalTracerProvider(new BasicTracerProvider({ resource }));
    trace.getTracer('x').startSpan('after').end();`,
    { env: { OTEL_SERVICE_NAME: 'early' } },
  );
  t.is(stderr, '');
  t.deepEqual(diagnostics.map(({ kind, name, agent }) => `${kind} ${name} ${agent}`).toSorted(), [
    'finish after agent/1.2',
    'finish before early/0',
    'start after agent/1.2',
    'start before early/0',
  ]);
});

test('a program that adds KvpSpanProcessor to its SDK is told nothing', async (t) => {
  const { stdout, stderr, diagnostics } = await run(
    t,
    `
    import { trace } from '@opentelemetry/api';
    import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
    import { KvpSpanProcessor } from 'kvp-tracing/opentelemetry';
    ${OWN_SDK}
    spanProcessors.push(new KvpSpanProcessor({ path: process.env.KVP_TRACING_POOL, vmId: 'vm' }));
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    trace.getTracer('x').startSpan('work').end();`,
  );
  t.deepEqual([stdout, stderr], ['work false\n', '']);
  t.deepEqual(kinds(diagnostics), ['start work', 'finish work']);
});

test('an SDK that was registered before stays in its place, and its spans reach the pool', async (t) => {
  const setUp = `data:text/javascript,${encodeURIComponent(`
    import { createRequire } from 'node:module';
    const require = createRequire(process.cwd() + '/x');
    ${OWN_SDK}
    const { BasicTracerProvider } = require('@opentelemetry/sdk-trace-base');
    require('@opentelemetry/api').trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));`)}`;
  const { stdout, stderr, diagnostics } = await run(t, NESTED, {
    args: ['--import', setUp, '--import', 'kvp-tracing/register'],
  });
  t.is(stdout, 'inner true\nouter false\n');
  t.is(stderr, '');
  t.deepEqual(kinds(diagnostics), TREE);
});

test('without an SDK one line names the packages, and context propagates', async (t) => {
  const { code, stdout, stderr, diagnostics } = await run(
    t,
    `
    import { setTimeout as sleep } from 'node:timers/promises';
    import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
    const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
    await context.with(trace.setSpanContext(ROOT_CONTEXT, remote), async () => {
      await sleep(1);
      trace.getTracer('x').startActiveSpan('work', (span) => console.log(span.spanContext().traceId));
    });`,
    { packages: ['api'] },
  );
  t.deepEqual([code, stdout, diagnostics], [0, `${'a'.repeat(32)}\n`, []]);
  t.regex(
    stderr,
    /^kvp-tracing: spans are not written to the pool: no OpenTelemetry SDK is installed: npm install @opentelemetry\/sdk-trace@2\n$/,
  );
});

test('nothing that is wrong keeps the program from running', async (t) => {
  const hello = "console.log('hello');";
  const bare = await run(t, hello, { packages: [] });
  t.deepEqual([bare.code, bare.stdout], [0, 'hello\n']);
  t.regex(bare.stderr, /^kvp-tracing: spans are not written to the pool: .+@opentelemetry\/api.+\n$/);
  // In Node.js 20 whoever looks at a pipe, as stderr is, can make later imports go astray.
  const source =
    "import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base'; new BasicTracerProvider();";
  t.is((await run(t, source, { env: { AZURE_INIT_KVP_FILTER: 'inof' } })).code, 0);
  const folder = await run(t, NESTED, { env: { KVP_TRACING_POOL: '/' } });
  t.is(folder.code, 0);
  t.regex(folder.stderr, /^kvp-tracing: spans are not written to the pool: .+\n$/);
  const disabled = await run(t, NESTED, { env: { OTEL_SDK_DISABLED: 'true' } });
  t.deepEqual([disabled.code, disabled.stderr, disabled.diagnostics], [0, '', []]);
});

test('a program that uses initializeTracing as well has each span once', async (t) => {
  const { stderr, diagnostics } = await run(
    t,
    `
    import { initializeTracing, target } from 'kvp-tracing';
    import { trace } from '@opentelemetry/api';
    const tracing = await initializeTracing({ kvp: { path: process.env.KVP_TRACING_POOL, vmId: 'vm' }, stderr: false });
    target('agent').inSpan('ours', () => trace.getTracer('http').startActiveSpan('theirs', (span) => span.end()));
    await tracing.shutdown();`,
    { env: { VM_ID: 'vm' } },
  );
  t.is(stderr, '');
  t.deepEqual(kinds(diagnostics).toSorted(), ['finish ours', 'finish theirs', 'start ours', 'start theirs']);
  const startOf = (name: string) => diagnostics.find((each) => each.kind === 'start' && each.name === name);
  t.is(startOf('theirs')?.parent, startOf('ours')?.id);
});
