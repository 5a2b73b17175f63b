import type { ChildProcess } from 'node:child_process';
import { type EventEmitter, errorMonitor } from 'node:events';
import { basename } from 'node:path';
import { currentSubscriber } from '../tracing/context.ts';
import { variable } from '../tracing/environment.ts';
import { callInContext } from '../tracing/run-in-span.ts';
import type { Span } from '../tracing/span.ts';
import { target } from '../tracing/target.ts';
import { failSpan } from './client-span.ts';
import { isSuppressed, neverThrowing, subscribeToChannel } from './subscribe-to-channel.ts';
import { nextTick, setImmediate } from '../tracing/timers.ts';

const CHANNEL = 'child_process';
const log = target(CHANNEL);

/** What Node.js 24 publishes before it starts a process. */
interface Start {
  readonly process: ChildProcess;
  readonly options?: { readonly file?: unknown; readonly envPairs?: unknown };
}

/**
 * Makes spans of child processes, with the names and fields of OpenTelemetry's conventions for programs. Arguments
 * are left out, because they may be secret. With `propagates` a process gets the context in its environment, by
 * Node.js 24 and later. Node.js publishes nothing about `spawnSync` and its like. Returns how to end the bridge.
 */
export function bridgeChildProcesses(propagates: boolean): () => void {
  /** The spans of processes of which Node.js told before they started. */
  const early = new WeakMap<ChildProcess, Span>();
  const begin = neverThrowing(CHANNEL, (child: ChildProcess) => follow(child, early.get(child)));
  const unsubscribes = [
    subscribeToChannel<Start>('tracing:child_process.spawn:start', ({ process: child, options }) => {
      if (isSuppressed() || typeof options?.file !== 'string' || options.file === '') return;
      const span = spanOf(options.file);
      early.set(child, span);
      if (propagates && Array.isArray(options.envPairs)) addContext(options.envPairs, span);
    }),
    subscribeToChannel<{ process: ChildProcess }>(CHANNEL, ({ process: child }) => {
      // Node.js publishes the child before it knows what the child will run.
      if (!isSuppressed()) nextTick(begin, child);
    }),
  ];
  return () => {
    for (const unsubscribe of unsubscribes) unsubscribe();
  };
}

function spanOf(file: string): Span {
  const name = basename(file);
  return log.span(name, { fields: { 'otel.kind': 'client', 'process.executable.name': name } });
}

/** Replaces the context that a child would inherit from this process; what the program gave it otherwise stays. */
function addContext(pairs: string[], span: Span): void {
  const registry = span.registry ?? currentSubscriber();
  if (registry === undefined) return;
  const valueOf = (name: string) => pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  const own = variable('TRACEPARENT');
  const given = valueOf('TRACEPARENT');
  if (given !== undefined && given !== own) return;
  const env: NodeJS.ProcessEnv = {};
  const names = ['TRACEPARENT', 'TRACESTATE', 'BAGGAGE'];
  for (const name of names) {
    const value = valueOf(name);
    if (value !== undefined) env[name] = value;
  }
  const before = Object.keys(env);
  callInContext(span, () => registry.childEnv(env), undefined, []);
  for (const name of new Set([...before, ...Object.keys(env)])) {
    const at = pairs.findIndex((pair) => pair.startsWith(`${name}=`));
    if (at >= 0) pairs.splice(at, 1);
    if (env[name] !== undefined) pairs.push(`${name}=${env[name]}`);
  }
}

function follow(child: ChildProcess, early: Span | undefined): void {
  const { spawnfile, pid } = child as { spawnfile?: string | null; pid?: number };
  if (typeof spawnfile !== 'string') return;
  const span = early ?? spanOf(spawnfile);
  if (span.isDisabled) return;
  if (pid !== undefined) span.record({ 'process.pid': pid });
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
}

const NOT_STARTED = { code: 'ERR_CHILD_PROCESS', message: 'it could not be started' };

function finish(span: Span, code: number | null, signal: NodeJS.Signals | null): void {
  if (code !== null) span.record({ 'process.exit.code': code });
  if (code === 0) span.close();
  else if (code === null) failSpan(span, { code: signal, message: `killed by ${signal}` });
  else failSpan(span, { code: `${code}`, message: `exited with code ${code}` });
}
