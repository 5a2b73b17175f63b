import { OptionError } from '../errors.ts';

/**
 * A moment of a span that a layer can write by itself, by tracing-subscriber's names: the span is made (`'new'`),
 * entered, exited and closed.
 */
export type SpanEvent = 'new' | 'enter' | 'exit' | 'close';

/** All moments, in their order. */
export const SPAN_EVENTS: readonly SpanEvent[] = ['new', 'enter', 'exit', 'close'];

/**
 * Checks an option `spanEvents`, a list of moments. Where not all are `possible`, the error says it with
 * `condition`. Throws `OptionError`.
 */
export function spanEventsOption(
  option: string,
  given: unknown,
  possible: readonly SpanEvent[] = SPAN_EVENTS,
  condition = '',
): ReadonlySet<SpanEvent> {
  if (!Array.isArray(given)) throw new OptionError(option, given, 'a list');
  for (const moment of given) {
    if (possible.includes(moment)) continue;
    const names = `${possible.slice(0, -1).join(', ')} and ${possible.at(-1)}`;
    const where = possible.length < SPAN_EVENTS.length ? ` where ${condition}` : '';
    throw new OptionError(option, moment, `made of ${names}${where}`);
  }
  return new Set(given as SpanEvent[]);
}
