import type { TextMapGetter, TextMapSetter } from '@opentelemetry/api';

const KEY = '(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})';
/** A list member of `tracestate`, as W3C specifies it. */
const MEMBER = new RegExp(`^(${KEY})=[ -+--<>-~]{0,255}[!-+--<>-~]$`);
const MEMBERS_MAX = 32;

/** Reads HTTP headers. Names match in any case; several headers of one name are joined by commas. */
export const HEADERS_GETTER: TextMapGetter<object> = {
  get: (carrier, name) => {
    const values = entriesOf(carrier)
      .filter(([key]) => typeof key === 'string' && key.toLowerCase() === name)
      .flatMap(([, value]) => value)
      .filter((value) => typeof value === 'string');
    return wellFormed(name, values.length === 0 ? undefined : values.join(','));
  },
  keys: (carrier) => entriesOf(carrier).map(([key]) => String(key).toLowerCase()),
};

/** Writes headers to a plain object, or to an object with a method `set`, such as `Headers` or a map. */
export const HEADERS_SETTER: TextMapSetter<object> = {
  set: (carrier, name, value) => {
    const { set } = carrier as { set?: unknown };
    if (typeof set === 'function') Reflect.apply(set, carrier, [name, value]);
    else (carrier as Record<string, string>)[name] = value;
  },
};

function entriesOf(carrier: object): [unknown, unknown][] {
  if (Symbol.iterator in carrier) return [...(carrier as Iterable<[unknown, unknown]>)];
  return Object.entries(carrier);
}

/**
 * The value of a header, trimmed. `undefined` for a malformed `tracestate`: W3C wants it discarded as a whole, while
 * OpenTelemetry's propagator keeps the members that it can read.
 */
export function wellFormed(name: string, value: string | undefined): string | undefined {
  const text = value?.replace(/^[ \t]+|[ \t]+$/g, '');
  return text === undefined || name !== 'tracestate' || isTraceState(text) ? text : undefined;
}

function isTraceState(text: string): boolean {
  const keys = new Set<string>();
  for (const part of text.split(',')) {
    const member = part.replace(/^[ \t]+|[ \t]+$/g, '');
    if (member === '') continue;
    const key = MEMBER.exec(member)?.[1];
    if (key === undefined || keys.has(key)) return false;
    keys.add(key);
  }
  return keys.size <= MEMBERS_MAX;
}
