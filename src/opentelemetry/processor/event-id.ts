/**
 * The UUID (version 8) under which the pool knows an OpenTelemetry span: the last 7 bytes of its trace id, which
 * are the random ones by W3C's Trace Context, then its span id. Whoever knows both ids knows it, as the parent
 * of a child does.
 */
export function eventIdOf(traceId: string, spanId: string): string {
  return `${traceId.slice(18, 26)}-${traceId.slice(26, 30)}-8${traceId.slice(30)}${spanId.slice(0, 1)}-8${spanId.slice(1, 4)}-${spanId.slice(4)}`;
}
