import { currentSubscriber } from '../tracing/context.ts';
import { Redactor } from '../tracing/redactor.ts';
import type { Span } from '../tracing/span.ts';
import type { Target } from '../tracing/target.ts';

/** A request of a client. */
export interface RequestInfo {
  method: string;
  /** With its colon: `https:`. */
  protocol: string;
  /** A name or an address, without brackets. */
  host: string;
  port: number | undefined;
  /** With its query; a whole URL in a request to a proxy. */
  path: string;
  /** The server's: the host, or the path of a socket. */
  address: string;
}

/** The methods that OpenTelemetry's conventions know. */
export const METHODS: ReadonlySet<string> = new Set(
  'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '),
);

/** Makes a span of a request, with the name and fields of OpenTelemetry's conventions for HTTP clients. */
export function clientSpan(log: Target, { method, protocol, host, port, path, address }: RequestInfo): Span {
  const isKnown = METHODS.has(method);
  return log.span(isKnown ? method : 'HTTP', {
    fields: () => {
      const fields: Record<string, unknown> = { 'otel.kind': 'client' };
      fields['http.request.method'] = isKnown ? method : '_OTHER';
      if (!isKnown) fields['http.request.method_original'] = method;
      const whole = isUrl(path) ? path : `${protocol}//${authority(host, port, protocol)}${path}`;
      fields['url.full'] = redactedUrl(whole);
      fields['server.address'] = address;
      if (port !== undefined) fields['server.port'] = port;
      return fields;
    },
  });
}

/** Closes the span of a request that was answered; a status of 400 or more is a failure. */
export function recordResponse(span: Span, status: number | undefined): void {
  if (status === undefined) return span.close();
  if (status >= 400) span.record({ 'http.response.status_code': status, 'error.type': `${status}` }).fail();
  else span.record({ 'http.response.status_code': status });
  span.close();
}

/** Closes the span of a client as failed; `status` is that of a request that was answered before it failed. */
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

/** The port that a URL of this protocol need not name. */
export function defaultPort(protocol: string): number | undefined {
  return protocol === 'https:' ? 443 : protocol === 'http:' ? 80 : undefined;
}

function authority(host: string, port: number | undefined, protocol: string): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === undefined || port === defaultPort(protocol) ? name : `${name}:${port}`;
}

function isUrl(path: string): boolean {
  return !path.startsWith('/') && /^[a-z][a-z0-9+.-]*:\/\//i.test(path);
}

/** The URL without secrets, by the rule of the subscriber that the span goes to. */
export function redactedUrl(url: string): string {
  return (currentSubscriber() ?? new Redactor()).redactedUrl(url);
}
