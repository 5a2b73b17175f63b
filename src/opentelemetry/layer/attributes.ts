import { isError } from '../../errors.ts';
import { type Attributes, type AttributeValue, SpanKind } from '@opentelemetry/api';
import type { Fields } from '../../tracing/fields.ts';
import type { Metadata } from '../../tracing/metadata.ts';
import { cutText, dateText, errorMessage, inspectLine, textOf } from '../../tracing/value.ts';
import { Date } from '../../tracing/timers.ts';

/** Fields of a span that set its name, kind or status in OpenTelemetry; they are not exported as attributes. */
const RESERVED: ReadonlySet<string> = new Set([
  'otel.name',
  'otel.kind',
  'otel.status_code',
  'otel.status_description',
]);

/** Whether a field may be one of those. */
export function hasReserved({ names }: Fields): boolean {
  for (let i = 0; i < names.length; i++) if ((names[i] as string).startsWith('otel.')) return true;
  return false;
}

/** By their names in upper and lower case. The enumeration also maps numbers to names. */
const KINDS = new Map(
  Object.entries(SpanKind).flatMap(([name, kind]) =>
    typeof kind === 'number' ? [name, name.toLowerCase()].map((each) => [each, kind] as const) : [],
  ),
);

/** The kind that the field `otel.kind` names, in any case; `undefined` if it names none. */
export function kindOf(value: unknown): SpanKind | undefined {
  if (value === undefined) return undefined;
  const name = textOf(value);
  return KINDS.get(name) ?? KINDS.get(name.toUpperCase());
}

/**
 * Attributes of a span or event: first `level` and `target`, if `metadata` is given, then `fields`; `ofSpan` leaves out
 * those that set the span's name, kind or status. A field named `level` or `target` replaces that of the metadata.
 * `__proto__` is left out, because the SDK loses it.
 */
export function attributesOf(fields: Fields, metadata: Metadata | undefined, ofSpan = false): Attributes {
  // Not `Object.create(null)`: the SDK iterates such objects three times as slowly. And empty at first: then V8 makes
  // room for four members in the object itself.
  const attributes: Attributes = {};
  if (metadata !== undefined) {
    attributes['level'] = metadata.level;
    attributes['target'] = metadata.target;
  }
  const { names, values } = fields;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const value = values[i];
    if (value === undefined || name === '__proto__') continue;
    // Most names need no search.
    if (ofSpan && name.startsWith('otel.') && RESERVED.has(name)) continue;
    attributes[name] = attributeOf(value);
  }
  return attributes;
}

/** A value as an attribute; a type that OpenTelemetry does not support becomes text. Never throws. */
function attributeOf(value: unknown): AttributeValue {
  switch (typeof value) {
    case 'string':
      return cutText(value);
    case 'number':
    case 'boolean':
      return value;
    case 'bigint':
      return `${value}`;
    default:
      try {
        return objectAttribute(value);
      } catch {
        return '[unreadable]';
      }
  }
}

function objectAttribute(value: unknown): AttributeValue {
  if (isError(value)) return errorMessage(value);
  if (value instanceof Date) return dateText(value);
  if (Array.isArray(value) && isUniform(value))
    return Array.from({ length: value.length }, (_, i) => attributeOf(value[i])) as string[];
  return inspectLine(value);
}

/** A larger array, in bytes, is exported as text, which is cut. */
const ARRAY_MAX = 256 * 1024;

/** Whether an array has items of one primitive type and at most `ARRAY_MAX` bytes; OpenTelemetry supports no others. */
function isUniform(items: readonly unknown[]): boolean {
  const type = typeof items[0];
  if (!['string', 'number', 'boolean', 'bigint'].includes(type)) return items.length === 0;
  let bytes = 0;
  // By index, not by the array's own methods, which also pass over holes.
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (typeof item !== type) return false;
    bytes += typeof item === 'string' ? item.length : 8;
    if (bytes > ARRAY_MAX && items.length > 1) return false;
  }
  return true;
}
