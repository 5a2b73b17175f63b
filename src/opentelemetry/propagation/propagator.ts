import { propagation, type TextMapPropagator } from '@opentelemetry/api';
import { OptionError } from '../../errors.ts';
import type { ProblemHandler } from '../../tracing/problem-handler.ts';
import { type Peers, unlessMissing } from '../peers.ts';
import { registered } from '../registered-globals.ts';
import { settingOf } from '../setting.ts';
import { TraceContextPropagator } from './trace-context.ts';

/**
 * Registers the propagators that `OTEL_PROPAGATORS` names, by default W3C's, unless a global propagator is registered.
 * Returns a function that unregisters them. They are those of `@opentelemetry/core`; without it trace context is still
 * propagated, baggage is not.
 */
export async function registerPropagator(
  env: NodeJS.ProcessEnv,
  peers: Peers,
  onProblem: ProblemHandler,
): Promise<() => void> {
  const nothing = (): void => {};
  const given = settingOf(env, 'OTEL_PROPAGATORS') ?? 'tracecontext,baggage';
  const names = new Set(given.split(',').map((name) => name.trim()));
  if (names.has('none') || propagation.fields().length > 0) return nothing;
  const core = await peers.core().catch(unlessMissing);
  const known: Record<string, (new () => TextMapPropagator) | undefined> = {
    tracecontext: core?.W3CTraceContextPropagator ?? TraceContextPropagator,
    baggage: core?.W3CBaggagePropagator,
  };
  const propagators: TextMapPropagator[] = [];
  for (const name of names) {
    if (!Object.hasOwn(known, name)) {
      onProblem(OptionError.ignored('OTEL_PROPAGATORS', name, 'tracecontext, baggage or none'));
    } else if (known[name] !== undefined) propagators.push(new known[name]());
  }
  const [first] = propagators;
  if (first === undefined) return nothing;
  const all = core === undefined ? first : new core.CompositePropagator({ propagators });
  return registered(() => propagation.setGlobalPropagator(all)) ? () => propagation.disable() : nothing;
}
