import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import test, { type ExecutionContext } from 'ava';
import type { TracingOptions } from '../src/setup/tracing-options.ts';
import { OptionError, SubscriberSetError } from '../src/errors.ts';
import { initializeTracing } from '../src/setup/initialize-tracing.ts';
import { dispatch } from '../src/tracing/context.ts';
import { inSpan } from '../src/tracing/default-target.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { Recorder } from './helpers/recorder.ts';

const OFF = { kvp: false, opentelemetry: false, stderr: false } as const;
const API = Symbol.for('opentelemetry.js.api.1');

/** What of the process an initialisation may change: listeners, open files, OpenTelemetry's globals, our dispatch. */
function stateOf(folder: string): object {
  const listeners = process.eventNames().map((name) => [String(name), process.listenerCount(name)] as const);
  const api = (globalThis as { [API]?: Record<string, unknown> })[API] ?? {};
  const { global, target, verbosity } = dispatch;
  return {
    listeners: Object.fromEntries(listeners.filter(([, count]) => count > 0)),
    files: openFiles().filter((file) => file.startsWith(folder)),
    openTelemetry: ['trace', 'context', 'propagation'].filter((name) => api[name] !== undefined),
    dispatch: { global, target, verbosity },
  };
}

function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // The descriptor that lists the folder.
      return [];
    }
  });
}

/** Options with which everything is set up that can be. */
function everything(folder: string): TracingOptions {
  return {
    service: 'my-agent',
    kvp: { path: join(folder, 'pool'), vmId: 'vm' },
    opentelemetry: { exporter: new InMemorySpanExporter() },
    stderr: { writer: { write: () => {} } },
    file: { path: join(folder, 'agent.log'), reopenOn: 'SIGUSR2' },
    signals: true,
  };
}

test.serial('after a shutdown nothing is left in the process, and another one may follow', async (t) => {
  const folder = folderOf(t);
  const before = stateOf(folder);
  for (let round = 0; round < 2; round++) {
    const tracing = await initializeTracing(everything(folder));
    await inSpan('work', async () => {});
    t.notDeepEqual(stateOf(folder), before);
    t.deepEqual(Object.keys(tracing.stats()), [
      'EmitKVPLayer',
      'OpenTelemetryLayer',
      'StderrLayer',
      'StderrLayer 2',
    ]);
    t.true((await tracing.shutdown()).complete);
    t.deepEqual(stateOf(folder), before);
  }
});

for (const format of ['full', 'json'] as const) {
  test.serial(`after an initialisation that failed nothing is left, its file was ${format}`, async (t) => {
    const folder = folderOf(t);
    const before = stateOf(folder);
    const options = everything(folder);
    const file = { path: join(folder, 'agent.log'), reopenOn: 'SIGUSR2', format } as const;
    const wrong: [TracingOptions, new (...args: never[]) => Error][] = [
      [{ ...options, service: '' }, OptionError],
      [{ ...options, kvp: { path: join(folder, 'pool'), vmId: 'vm', maxRecords: 0 } }, OptionError],
      [{ ...options, stderr: { spanEvents: ['never' as never] } }, OptionError],
      [{ ...options, file: { ...file, reopenOn: 'SIGNONE' as never } }, OptionError],
      [{ ...options, file, layers: Array.from({ length: 40 }, () => new Recorder()) }, RangeError],
    ];
    for (const [given, instanceOf] of wrong) {
      await t.throwsAsync(initializeTracing(given), { instanceOf });
      t.deepEqual(stateOf(folder), before);
    }
  });
}

test.serial('an initialisation beside another one changes nothing of that', async (t) => {
  const folder = folderOf(t);
  const tracing = await initializeTracing(everything(folder));
  t.teardown(() => tracing.shutdown());
  const before = stateOf(folder);
  await t.throwsAsync(initializeTracing({ ...OFF, service: 'other' }), { instanceOf: SubscriberSetError });
  t.deepEqual(stateOf(folder), before);
});

test.serial('a reload that a shutdown overtakes leaves no log file open', async (t) => {
  const folder = folderOf(t);
  const before = stateOf(folder);
  const tracing = await initializeTracing(OFF);
  const reloading = tracing.reload({ file: { path: join(folder, 'agent.log'), format: 'json' } });
  const rejected = t.throwsAsync(reloading, { code: 'ERR_KVP_CLOSED' });
  await tracing.shutdown();
  await rejected;
  t.deepEqual(stateOf(folder), before);
});

test.serial('OpenTelemetry that joined once does not join by itself the next time', async (t) => {
  const names = async (t: ExecutionContext, options: TracingOptions): Promise<string[]> => {
    const tracing = await initializeTracing({ kvp: false, stderr: false, ...options });
    t.teardown(() => tracing.shutdown());
    await tracing.shutdown();
    return Object.keys(tracing.stats());
  };
  t.deepEqual(await names(t, { opentelemetry: { exporter: new InMemorySpanExporter() } }), [
    'OpenTelemetryLayer',
  ]);
  t.deepEqual(await names(t, {}), []);
});
