import { inspectLine, isRecord } from '../../tracing/value.ts';
import type { Parsed } from '../collector.ts';
import type { ReadObject } from '../json-reader.ts';
import { parseTimestamp } from './timestamp.ts';

/** Adds to `parsed` what the payload of a span or event says; `false` if the object is no such payload. */
export function readPayload({ members: payload, isTable }: ReadObject, parsed: Parsed): boolean {
  const given = payload['fields'];
  if (!isRecord(given)) return false;
  const { message } = given;
  parsed.fields =
    message === undefined
      ? (Object.setPrototypeOf(given, null) as Record<string, unknown>)
      : withoutMessage(given, isTable);
  if (message !== undefined) parsed.message = typeof message === 'string' ? message : inspectLine(message);
  const { name, level, target, time, parent, span } = payload;
  if (isText(name)) parsed.name = name;
  if (isText(level)) parsed.level = level.toUpperCase();
  if (isText(target)) parsed.target = target;
  // The key has the time of writing; a payload that is written later has the time of the event.
  const happened = isText(time) ? parseTimestamp(time) : undefined;
  if (happened !== undefined) Object.assign(parsed, { time: happened, written: parsed.time });
  if (isText(parent)) parsed.parent = parent;
  if (isText(span)) parsed.span = span;
  const { trace_id: traceId, span_id: spanId, parent_span_id: parentSpanId } = payload;
  if (isText(traceId)) parsed.traceId = traceId;
  if (isText(spanId)) parsed.spanId = spanId;
  if (isText(parentSpanId)) parsed.parentSpanId = parentSpanId;
  const { reason, 'reason.sources': sources } = payload;
  if (typeof reason === 'string') parsed.reason = reason;
  if (Array.isArray(sources)) parsed.sources = sources.filter((source) => typeof source === 'string');
  for (const measured of ['entered', 'busy', 'idle'] as const) {
    const value = payload[measured];
    if (typeof value === 'number') parsed[measured] = value;
  }
  return true;
}

/** The fields but the message, without a prototype. Deleting it makes them a hash table, three times as large. */
function withoutMessage(fields: Record<string, unknown>, isTable: boolean): Record<string, unknown> {
  if (isTable) {
    delete fields['message'];
    return Object.setPrototypeOf(fields, null) as Record<string, unknown>;
  }
  const { message: _, ...others } = fields;
  return Object.setPrototypeOf(others, null) as Record<string, unknown>;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
