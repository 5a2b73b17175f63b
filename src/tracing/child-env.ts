import { currentSubscriber } from './context.ts';

/**
 * The environment for a child process: a copy of `base`, by default of the process's own, in which OpenTelemetry's
 * layer, where there is one, tells the child of the current span (`TRACEPARENT`, `TRACESTATE`, `BAGGAGE`); outside of
 * any span, of the one that the process itself was started in. Throws never.
 */
export function childEnv(base: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const env = { ...base };
  currentSubscriber()?.childEnv(env);
  return env;
}
