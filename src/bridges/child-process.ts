import type { ChildProcess } from 'node:child_process';
import { type EventEmitter, errorMonitor } from 'node:events';
import { basename } from 'node:path';
import type { Span } from '../tracing/span.ts';
import { target } from '../tracing/target.ts';
import { failSpan } from './failed.ts';
import { neverThrowing, listen } from './listen.ts';
import { isSuppressed } from './suppressed.ts';

const CHANNEL = 'child_process';
const log = target(CHANNEL);

/**
 * Makes spans of child processes, named and filled by OpenTelemetry's conventions for programs; arguments are left
 * out, they may be secret. Returns how to end that. Node.js tells nothing of `spawnSync` and its like.
 */
export function bridgeChildProcesses(): () => void {
  return listen<{ process: ChildProcess }>(CHANNEL, ({ process: child }) => {
    // It is told of before it is known what it will run.
    if (!isSuppressed()) process.nextTick(begin, child);
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
    // Some failures are thrown to whoever starts it.
    setImmediate(() => failSpan(span, NOT_STARTED)).unref();
  } else {
    child.once('exit', neverThrowing(CHANNEL, exited.bind(undefined, span)));
  }
});

const NOT_STARTED = { code: 'ERR_CHILD_PROCESS', message: 'it could not be started' };

function exited(span: Span, code: number | null, signal: NodeJS.Signals | null): void {
  if (code !== null) span.record({ 'process.exit.code': code });
  if (code === 0) span.close();
  else if (code === null) failSpan(span, { code: signal, message: `killed by ${signal}` });
  else failSpan(span, { code: `${code}`, message: `exited with code ${code}` });
}
