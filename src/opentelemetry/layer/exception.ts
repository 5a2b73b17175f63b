import { isError } from '../../errors.ts';
import type { HrTime, Span as OtelSpan } from '@opentelemetry/api';
import { cutText, textOf } from '../../tracing/value.ts';

/** The most errors of one chain of causes that are written. */
const CHAIN_MAX = 16;

/** Adds an `exception` event. Its stack trace includes the causes, as Node.js prints them. Never throws. */
export function recordException(otel: OtelSpan, thrown: unknown, time: HrTime): void {
  const message = textOf(thrown);
  if (!isError(thrown)) {
    otel.recordException(message, time);
    return;
  }
  const code = read(thrown, 'code');
  const name = read(thrown, 'name');
  otel.recordException(
    {
      ...(typeof code === 'string' || typeof code === 'number' ? { code } : undefined),
      name: typeof name === 'string' && name !== '' ? name : 'Error',
      message,
      stack: cutText(chainText(thrown, new Set())),
    },
    time,
  );
}

/** The stack of an error and, indented, of its causes. Properties of the error are left out: they may be secret. */
function chainText(thrown: unknown, seen: Set<unknown>): string {
  if (!isError(thrown)) return textOf(thrown);
  if (seen.has(thrown)) return '[Circular]';
  seen.add(thrown);
  const stack = read(thrown, 'stack');
  let text = typeof stack === 'string' && stack !== '' ? stack : textOf(thrown);
  const append = (label: string, inner: unknown): void => {
    if (seen.size >= CHAIN_MAX) return;
    text += `\n  [${label}]: ${chainText(inner, seen).replaceAll('\n', '\n  ')}`;
  };
  const errors = read(thrown, 'errors');
  if (Array.isArray(errors)) for (const error of errors.slice(0, CHAIN_MAX)) append('error', error);
  const cause = read(thrown, 'cause');
  if (cause !== undefined && cause !== null) append('cause', cause);
  return text;
}

function read(error: Error, name: string): unknown {
  try {
    return (error as unknown as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}
