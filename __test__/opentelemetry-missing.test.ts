import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { folderOf } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';

/** Says which trace code inside of a span is in, when the program was called from another. */
const PROGRAM = `
  import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
  import { initializeTracing, inSpan } from 'kvp-tracing';
  const tracing = await initializeTracing({ kvp: false, stderr: false, opentelemetry: {} });
  const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1, isRemote: true };
  await context.with(trace.setSpanContext(ROOT_CONTEXT, remote), () => inSpan('outer', async (span) => {
    await new Promise(setImmediate);
    console.log(span.traceId === remote.traceId, trace.getActiveSpan().spanContext().traceId === remote.traceId);
  }));
  console.log((await tracing.shutdown()).complete);`;

function runWith(t: ExecutionContext, packages: readonly string[]) {
  const folder = folderOf(t);
  const modules = join(folder, 'node_modules');
  for (const part of ['dist', 'binding.cjs', 'package.json']) {
    cpSync(new URL(part, ROOT), join(modules, 'kvp-tracing', part), { recursive: true });
  }
  mkdirSync(join(modules, '@opentelemetry'));
  for (const name of packages) {
    symlinkSync(new URL(`node_modules/@opentelemetry/${name}`, ROOT), join(modules, '@opentelemetry', name));
  }
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, KVP_TRACING_BACKEND: 'js' },
  });
  return { stdout, stderr };
}

for (const [missing, packages] of [
  ['@opentelemetry/sdk-trace-base', ['api']],
  ['@opentelemetry/otlp-transformer', ['api', 'sdk-trace-base']],
] as const) {
  test(`without ${missing} one line names it, and the context still propagates`, (t) => {
    t.deepEqual(runWith(t, packages), {
      stdout: 'true true\ntrue\n',
      stderr: `kvp-tracing: the export of spans is left out: exporting needs ${missing}: npm install ${missing}\n`,
    });
  });
}
