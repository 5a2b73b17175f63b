import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { unlessMissing } from '../src/opentelemetry/peers.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { onBuilt, ROOT } from './helpers/programs.ts';

const TRACEPARENT = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;

/** Says which trace code inside of a span is in, when the program was called from another. */
const PROGRAM = `
  import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
  import { childEnv, initializeTracing, inSpan } from 'kvp-tracing';
  import { extract, inject } from 'kvp-tracing/opentelemetry';
  const tracing = await initializeTracing({ kvp: false, stderr: false, opentelemetry: OPTIONS });
  const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1, isRemote: true };
  await context.with(trace.setSpanContext(ROOT_CONTEXT, remote), () => inSpan('outer', async (span) => {
    await new Promise(setImmediate);
    console.log(span.traceId === remote.traceId, trace.getActiveSpan().spanContext().traceId === remote.traceId);
  }));
  const carrier = { traceparent: '00-${'a'.repeat(32)}-${'b'.repeat(16)}-01', tracestate: 'foo=1' };
  inSpan('request', { parent: extract(carrier) }, () => console.log(JSON.stringify(inject())));
  inSpan('work', () => {
    const { TRACEPARENT, BAGGAGE } = childEnv();
    console.log(TRACEPARENT.slice(0, 35), BAGGAGE);
  });
  for (const end of ['flush', 'shutdown']) {
    const { complete, problems } = await tracing[end]();
    console.log(complete, problems.map(({ code }) => code).join());
  }
  console.log(Object.keys(tracing.stats()).join());`;

/** What the program above prints: `a` from whom it was called and asked, `c` from the environment. */
const PROPAGATED = `true true
{"traceparent":"00-${'a'.repeat(32)}-${'b'.repeat(16)}-01","tracestate":"foo=1"}
00-${'c'.repeat(32)} vm=7
`;
/** What it prints at its end if all is exported, and if nothing can be. */
const COMPLETE = 'true \ntrue \nOpenTelemetryLayer\n';
const INCOMPLETE =
  'false ERR_KVP_MISSING_PEER\nfalse ERR_KVP_MISSING_PEER\nOpenTelemetryExport,OpenTelemetryLayer\n';

test('a package that is missing is told from one that fails, in what bundlers make of it too', (t) => {
  const missing = Object.assign(new Error("Cannot find package 'x'"), { code: 'ERR_MODULE_NOT_FOUND' });
  const webpack = Object.assign(new Error("Cannot find module 'x'"), { code: 'MODULE_NOT_FOUND' });
  for (const error of [missing, webpack, new ReferenceError('require is not defined')]) {
    t.is(unlessMissing(error), undefined);
  }
  for (const error of [new Error('boom'), new ReferenceError('x is not defined'), 'text', null, undefined]) {
    t.is(
      t.throws(() => unlessMissing(error), { any: true }),
      error as never,
    );
  }
});

function runWith(t: ExecutionContext, packages: readonly string[], options = '{}') {
  const folder = folderOf(t);
  const modules = join(folder, 'node_modules');
  for (const part of ['dist', 'package.json']) {
    cpSync(new URL(part, ROOT), join(modules, 'kvp-tracing', part), { recursive: true });
  }
  mkdirSync(join(modules, '@opentelemetry'));
  for (const name of packages) {
    symlinkSync(new URL(`node_modules/@opentelemetry/${name}`, ROOT), join(modules, '@opentelemetry', name));
  }
  const { stdout, stderr } = spawnSync(process.execPath, onBuilt(PROGRAM.replace('OPTIONS', options)), {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, KVP_TRACING_BACKEND: 'js', TRACEPARENT, BAGGAGE: 'vm=7' },
  });
  return { stdout, stderr };
}

for (const [missing, packages, command] of [
  ['@opentelemetry/sdk-trace', ['api'], '@opentelemetry/sdk-trace@2 @opentelemetry/otlp-transformer@0.223'],
  ['@opentelemetry/otlp-transformer', ['api', 'sdk-trace-base'], '@opentelemetry/otlp-transformer@0.223'],
] as const) {
  test(`without ${missing} one line and each outcome name it, and the context still propagates`, (t) => {
    t.deepEqual(runWith(t, packages), {
      stdout: PROPAGATED + INCOMPLETE,
      stderr: `kvp-tracing: the export of spans is left out: exporting needs ${missing}: npm install ${command}\n`,
    });
  });
}

test('a program that exports nothing needs none of them to pass its context on', (t) => {
  t.deepEqual(runWith(t, ['api'], 'undefined'), { stdout: PROPAGATED + COMPLETE, stderr: '' });
});
