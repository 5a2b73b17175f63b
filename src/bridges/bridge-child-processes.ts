import type { ChildProcess } from 'node:child_process';
import { type EventEmitter, errorMonitor } from 'node:events';
import { basename } from 'node:path';
import type { Span } from '../tracing/span.ts';
import { target } from '../tracing/target.ts';
import { failSpan } from './client-span.ts';
import { isSuppressed, neverThrowing, subscribeToChannel } from './subscribe-to-channel.ts';
import { nextTick, setImmediate } from '../tracing/timers.ts';

const CHANNEL = 'child_process';
const log = target(CHANNEL);

/**
 * Makes spans of child processes, with the names and fields of OpenTelemetry's conventions for programs. Arguments
 * are left out, because they may be secret. Node.js publishes nothing about `spawnSync` and its like. Returns how to
 * end the bridge.
 */
export function bridgeChildProcesses(): () => void {
  return subscribeToChannel<{ process: ChildProcess }>(CHANNEL, ({ process: child }) => {
    // Node.js publishes the child before it knows what the child will run.
    if (!isSuppressed()) nextTick(begin, child);
  });
}

const begin = neverThrowing(CHANNEL, (child: ChildProcess): void => {
  const { spawnfile, pid } = child as { spawnfile?: string | null; pid?: number };
  if (typeof spawnfile !== 'string') return;
  const name = basename(spawnfile);
  const span = log.span(name, {
    fields: {
      'otel.kind': 'client',
      'process.executable.name': name,
      ...(pid !== undefined && { 'process.pid': pid }),
    },
  });
  if (span.isDisabled) return;
  if (pid === undefined) {
    (child as EventEmitter).once(
      errorMonitor,
      neverThrowing(CHANNEL, (error: unknown) => failSpan(span, error)),
    );
    // Node.js throws some failures to the caller and emits no `error` then.
    setImmediate(() => failSpan(span, NOT_STARTED)).unref();
  } else {
    child.once('exit', neverThrowing(CHANNEL, finish.bind(undefined, span)));
  }
});

const NOT_STARTED = { code: 'ERR_CHILD_PROCESS', message: 'it could not be started' };

function finish(span: Span, code: number | null, signal: NodeJS.Signals | null): void {
  if (code !== null) span.record({ 'process.exit.code': code });
  if (code === 0) span.close();
  else if (code === null) failSpan(span, { code: signal, message: `killed by ${signal}` });
  else failSpan(span, { code: `${code}`, message: `exited with code ${code}` });
}
