import { inspectLine } from '../tracing/value.ts';
import type { Diagnostic } from './diagnostic.ts';

type Told = Pick<Diagnostic, 'fields' | 'text'> & Partial<Diagnostic>;

/** What the payload of a span or event says; one that is not ours is a message as a whole. */
export function readPayload(text: string): Told {
  const told: Told = { fields: Object.create(null) as Record<string, unknown>, text };
  const payload = parseObject(text);
  const fields = payload?.['fields'];
  if (payload === undefined || !isObject(fields)) {
    if (text !== '') told.message = text;
    return told;
  }
  for (const [name, value] of Object.entries(fields)) {
    if (name !== 'message') told.fields[name] = value;
    else told.message = typeof value === 'string' ? value : inspectLine(value);
  }
  const { name, level, target, parent, span, trace_id: traceId, span_id: spanId } = payload;
  if (isText(name)) told.name = name;
  if (isText(level)) told.level = level.toUpperCase();
  if (isText(target)) told.target = target;
  if (isText(parent)) told.parent = parent;
  if (isText(span)) told.span = span;
  if (isText(traceId)) told.traceId = traceId;
  if (isText(spanId)) told.spanId = spanId;
  return told;
}

function parseObject(text: string): Record<string, unknown> | undefined {
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
