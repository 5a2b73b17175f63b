import { inspectLine } from '../../tracing/value.ts';
import type { Parsed } from '../diagnostic.ts';
import { parseTimestamp } from './timestamp.ts';

/** Adds what the payload of a span or event says; `false` for a text that is no such payload. */
export function readPayload(text: string, told: Parsed): boolean {
  const payload = parseObject(text);
  const given = payload?.['fields'];
  if (payload === undefined || !isObject(given)) return false;
  const { message, ...fields } = given;
  // Not copied into an object without a prototype: that would be a hash table, three times as large.
  told.fields = Object.setPrototypeOf(fields, null) as Record<string, unknown>;
  if (message !== undefined) told.message = typeof message === 'string' ? message : inspectLine(message);
  const { name, level, target, time, parent, span, trace_id: traceId, span_id: spanId } = payload;
  if (isText(name)) told.name = name;
  if (isText(level)) told.level = level.toUpperCase();
  if (isText(target)) told.target = target;
  // What was written later than it happened says when that was.
  if (isText(time)) told.time = parseTimestamp(time) ?? told.time;
  if (isText(parent)) told.parent = parent;
  if (isText(span)) told.span = span;
  if (isText(traceId)) told.traceId = traceId;
  if (isText(spanId)) told.spanId = spanId;
  for (const measured of ['entered', 'busy', 'idle'] as const) {
    const value = payload[measured];
    if (typeof value === 'number') told[measured] = value;
  }
  return true;
}

/** The object that a text of JSON is; `undefined` for any other text. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
