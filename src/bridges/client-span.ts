import { REDACTED_NAMES } from '../tracing/redactor.ts';
import type { Span } from '../tracing/span.ts';
import type { Target } from '../tracing/target.ts';

/** What a request asks, and of whom. */
export interface RequestInfo {
  method: string;
  /** With its colon. */
  protocol: string;
  /** Without brackets. */
  host: string;
  port: number | undefined;
  /** With its query; a whole URL where a proxy is asked. */
  path: string;
  /** Who answers: the host, or the path of a socket. */
  address: string;
}

/** The methods that OpenTelemetry's conventions know. */
const METHODS = new Set('CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '));
/** Parameters of a query whose values are secret: what the conventions name, and what is redacted in fields. */
const SECRET = new Set<string>(['awsaccesskeyid', 'signature', 'sig', 'x-goog-signature', ...REDACTED_NAMES]);
const CENSOR = 'REDACTED';

/** A span of a request, named and filled by OpenTelemetry's conventions for clients of HTTP. */
export function clientSpan(log: Target, { method, protocol, host, port, path, address }: RequestInfo): Span {
  const known = METHODS.has(method);
  return log.span(known ? method : 'HTTP', {
    fields: () => ({
      'otel.kind': 'client',
      'http.request.method': known ? method : '_OTHER',
      ...(!known && { 'http.request.method_original': method }),
      'url.full': redactedUrl(
        isWhole(path) ? path : `${protocol}//${authority(host, port, protocol)}${path}`,
      ),
      'server.address': address,
      ...(port !== undefined && { 'server.port': port }),
    }),
  });
}

/** Ends the span of a request that was answered. */
export function recordResponse(span: Span, status: number | undefined): void {
  if (status === undefined) return span.close();
  if (status >= 400) span.record({ 'http.response.status_code': status, 'error.type': `${status}` }).fail();
  else span.record({ 'http.response.status_code': status });
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

function isWhole(path: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(path);
}

/** A URL without credentials and secret parameters; otherwise as it is sent. */
export function redactedUrl(url: string): string {
  const [, start = '', credentials = '', rest = ''] = /^([^/?#]*\/\/)([^/?#]*@)?([^]*)$/.exec(url) ?? [];
  const censored = credentials.includes(':') ? `${CENSOR}:${CENSOR}@` : credentials && `${CENSOR}@`;
  const query = rest.indexOf('?');
  if (query === -1) return start + censored + rest;
  const parameters = rest
    .slice(query + 1)
    .split('&')
    .map(redactedParameter)
    .join('&');
  return `${start}${censored}${rest.slice(0, query)}?${parameters}`;
}

function redactedParameter(parameter: string): string {
  const end = parameter.indexOf('=');
  if (end === -1) return parameter;
  const name = parameter.slice(0, end);
  return SECRET.has(decoded(name).toLowerCase()) ? `${name}=${CENSOR}` : parameter;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
