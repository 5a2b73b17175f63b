import type { IncomingMessage, ServerResponse } from 'node:http';
import { currentSubscriber } from '../tracing/context.ts';
import type { Span } from '../tracing/span.ts';
import { target } from '../tracing/target.ts';
import { defaultPort, failSpan, METHODS, redactedUrl } from './client-span.ts';
import { isSuppressed, neverThrowing, subscribeToChannel } from './subscribe-to-channel.ts';

interface Message {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What Fastify publishes when it runs a route's handler. */
interface Handling {
  readonly request?: { readonly raw?: object };
  readonly route?: { readonly url?: unknown };
}

const log = target('http.server');

/**
 * Makes spans of the requests that servers of `node:http` and `node:https` get, each a child of the caller's span, if
 * the request names one, else a root. Their handlers run inside of them. Returns how to end the bridge.
 */
export function bridgeHttpServer(): () => void {
  const routes = new WeakMap<object, string>();
  const unsubscribes = [
    subscribeToChannel<Message>('http.server.request.start', ({ request, response }) => {
      const registry = currentSubscriber();
      // Always, because what is current would be the request before it on the same connection.
      registry?.activate(undefined);
      if (registry === undefined || isSuppressed()) return;
      const span = spanOf(request, registry.callerIn(request.headers) ?? null);
      if (span.isDisabled) return;
      registry.activate(span);
      const end = (): void => finish(span, response, routes.get(request) ?? routeOf(request));
      response.once('close', neverThrowing('http.server', end));
    }),
    subscribeToChannel<Handling>('tracing:fastify.request.handler:start', ({ request, route }) => {
      if (request?.raw !== undefined && typeof route?.url === 'string') routes.set(request.raw, route.url);
    }),
  ];
  return () => {
    for (const unsubscribe of unsubscribes) unsubscribe();
  };
}

function spanOf(request: IncomingMessage, parent: Span | null): Span {
  const { method = '', url = '', headers, socket, httpVersion } = request;
  const isKnown = METHODS.has(method);
  const scheme = 'encrypted' in socket ? 'https' : 'http';
  const [path = '', query] = split(url);
  const [host, port] = hostOf(headers.host, scheme);
  return log.span(isKnown ? method : 'HTTP', {
    parent,
    fields: () => ({
      'otel.kind': 'server',
      'http.request.method': isKnown ? method : '_OTHER',
      ...(!isKnown && { 'http.request.method_original': method }),
      'url.scheme': scheme,
      // A request to a proxy has a whole URL, which may hold credentials.
      'url.path': redactedUrl(path),
      ...(query !== undefined && { 'url.query': redactedQuery(query) }),
      ...(host !== undefined && { 'server.address': host }),
      ...(port !== undefined && { 'server.port': port }),
      ...(socket.remoteAddress !== undefined && { 'client.address': socket.remoteAddress }),
      'network.protocol.version': httpVersion,
      ...(headers['user-agent'] !== undefined && { 'user_agent.original': headers['user-agent'] }),
    }),
  });
}

function finish(span: Span, response: ServerResponse, route: string | undefined): void {
  if (route !== undefined) {
    span.record({ 'http.route': route, 'otel.name': `${span.name} ${route}` });
  }
  const status = response.headersSent ? response.statusCode : undefined;
  if (!response.writableFinished) return failSpan(span, ABORTED, status);
  span.record({ 'http.response.status_code': response.statusCode });
  // The caller's mistakes are no failures of the server.
  if (response.statusCode >= 500) span.record({ 'error.type': `${response.statusCode}` }).fail();
  span.close();
}

const ABORTED = { code: 'aborted', message: 'closed before the response was complete' };

/** The route by which Express, or a router like its, found the handler. */
function routeOf(request: IncomingMessage): string | undefined {
  const { route, baseUrl } = request as { route?: { path?: unknown }; baseUrl?: unknown };
  if (typeof route?.path !== 'string') return undefined;
  return `${typeof baseUrl === 'string' ? baseUrl : ''}${route.path}` || undefined;
}

function split(url: string): [path: string, query: string | undefined] {
  const at = url.indexOf('?');
  return at < 0 ? [url, undefined] : [url.slice(0, at), url.slice(at + 1)];
}

function redactedQuery(query: string): string {
  return redactedUrl(`http://_/?${query}`).slice('http://_/?'.length);
}

/** Name and port of the server, as the caller called it. */
function hostOf(header: string | undefined, scheme: string): [host?: string, port?: number] {
  const [, six, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(header ?? '') ?? [];
  const host = six ?? name;
  if (host === undefined) return [];
  const known = port === undefined ? defaultPort(`${scheme}:`) : Number(port);
  return known === undefined ? [host] : [host, known];
}
