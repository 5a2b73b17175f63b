import { inspectLine, isRecord } from '../../tracing/value.ts';
import type { Parsed } from '../collector.ts';
import { parseTimestamp } from './timestamp.ts';

/** Adds to `parsed` what the payload of a span or event says; `false` if the text is no such payload. */
export function readPayload(text: string, parsed: Parsed): boolean {
  const payload = parseObject(text);
  const given = payload?.['fields'];
  if (payload === undefined || !isRecord(given)) return false;
  const { message, ...fields } = given;
  // Not copied into an object without a prototype: V8 makes that a hash table, three times as large.
  parsed.fields = Object.setPrototypeOf(fields, null) as Record<string, unknown>;
  if (message !== undefined) parsed.message = typeof message === 'string' ? message : inspectLine(message);
  const { name, level, target, time, parent, span, trace_id: traceId, span_id: spanId } = payload;
  if (isText(name)) parsed.name = name;
  if (isText(level)) parsed.level = level.toUpperCase();
  if (isText(target)) parsed.target = target;
  // The key has the time of writing; a payload that is written later has the time of the event.
  const happened = isText(time) ? parseTimestamp(time) : undefined;
  if (happened !== undefined) Object.assign(parsed, { time: happened, written: parsed.time });
  if (isText(parent)) parsed.parent = parent;
  if (isText(span)) parsed.span = span;
  if (isText(traceId)) parsed.traceId = traceId;
  if (isText(spanId)) parsed.spanId = spanId;
  const { reason, 'reason.sources': sources } = payload;
  if (typeof reason === 'string') parsed.reason = reason;
  if (Array.isArray(sources)) parsed.sources = sources.filter((source) => typeof source === 'string');
  for (const measured of ['entered', 'busy', 'idle'] as const) {
    const value = payload[measured];
    if (typeof value === 'number') parsed[measured] = value;
  }
  return true;
}

/** The object that a text of JSON stands for; `undefined` for any other text. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
