import type { Attributes, AttributeValue } from '@opentelemetry/api';
import type { Fields } from '../../tracing/fields.ts';
import type { Metadata } from '../../tracing/metadata.ts';
import { cutText, dateText, errorMessage, inspectLine } from '../../tracing/value.ts';
import { Date } from '../../tracing/timers.ts';

/** Fields of a span that say something to OpenTelemetry instead of being attributes. */
export const RESERVED: ReadonlySet<string> = new Set([
  'otel.name',
  'otel.kind',
  'otel.status_code',
  'otel.status_description',
]);

const NONE: ReadonlySet<string> = new Set();

/**
 * Fields as attributes (but `__proto__`, which the SDK loses), after `level` and `target` of the metadata if there is one; a field of such a
 * name replaces it.
 */
export function attributesOf(
  fields: Fields,
  metadata: Metadata | undefined,
  except: ReadonlySet<string> = NONE,
): Attributes {
  // No object without a prototype: the SDK walks through those three times as slowly.
  const attributes: Attributes =
    metadata === undefined ? {} : { level: metadata.level, target: metadata.target };
  const { names, values } = fields;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const value = values[i];
    if (value === undefined || except.has(name) || name === '__proto__') continue;
    attributes[name] = attributeOf(value);
  }
  return attributes;
}

/** A value as OpenTelemetry takes it, anything it does not take as text; throws never. */
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
  if (value instanceof Error) return errorMessage(value);
  if (value instanceof Date) return dateText(value);
  if (Array.isArray(value) && isUniform(value))
    return Array.from({ length: value.length }, (_, i) => attributeOf(value[i])) as string[];
  return inspectLine(value);
}

/** An array that takes about so many bytes is told as text, which is cut. */
const ARRAY_MAX = 256 * 1024;

/** Whether all items are primitives of one type, and not too many; OpenTelemetry knows no other arrays. */
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
