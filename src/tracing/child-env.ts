import { currentSubscriber } from './context.ts';
import { variables } from './environment.ts';

/**
 * The environment for a child process: a copy of `base`, by default of `process.env`. Where there is an
 * `OpenTelemetryLayer`, it sets `TRACEPARENT`, `TRACESTATE` and `BAGGAGE` to the current span, outside of any span to
 * the span that this process was started in. Never throws.
 *
 * @example
 * ```ts
 * spawn('provision-disks', { env: childEnv() });
 * ```
 */
export function childEnv(base?: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const env = { ...variables(base) };
  currentSubscriber()?.childEnv(env);
  return env;
}
