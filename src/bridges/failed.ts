import type { Span } from '../tracing/span.ts';

/** Ends the span of what failed; of a request with the status that came before, if any. */
export function failSpan(span: Span, error: unknown, status?: number): void {
  const { code, name, message } = (error ?? {}) as { code?: unknown; name?: unknown; message?: unknown };
  const type = [code, name].find((text) => typeof text === 'string' && text !== '') ?? '_OTHER';
  span.record({
    ...(status !== undefined && { 'http.response.status_code': status }),
    'error.type': type,
  });
  span.fail(typeof message === 'string' && message !== '' ? message : undefined);
  span.close();
}
