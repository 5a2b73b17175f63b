import { errorMonitor } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Span } from '../tracing/span.ts';
import { target } from '../tracing/target.ts';
import { clientSpan, defaultPort, failSpan, recordResponse, type RequestInfo } from './client-span.ts';
import { type Carries, contextHeaders } from './propagate.ts';
import { isSuppressed, neverThrowing, subscribeToChannel } from './subscribe-to-channel.ts';

interface Message {
  readonly request: ClientRequest;
}

const log = target('http');

/** Makes spans of the requests of `node:http` and `node:https`, which carry their context. Returns how to end the bridge. */
export function bridgeHttp(carries: Carries): () => void {
  const seen = new WeakSet<ClientRequest>();
  const begin = ({ request }: Message): void => {
    if (seen.has(request)) return;
    seen.add(request);
    if (isSuppressed()) return;
    const info = requestInfo(request);
    const span = clientSpan(log, info);
    if (carries(info.host, info.port)) addContext(request, span);
    if (!span.isDisabled) closeWith(request, span);
  };
  // Node.js 20 publishes a request only when it is sent; later versions also when it is created.
  const unsubscribes = ['created', 'start'].map((moment) =>
    subscribeToChannel(`http.client.request.${moment}`, begin),
  );
  return () => {
    for (const unsubscribe of unsubscribes) unsubscribe();
  };
}

/**
 * Adds headers to a request that has none of a context yet. Node.js 20 tells of a request when it is too late for that,
 * and so it is in any version if the program gave the headers as a list.
 */
function addContext(request: ClientRequest, span: Span): void {
  if (request.headersSent || request.hasHeader('traceparent')) return;
  for (const [name, value] of Object.entries(contextHeaders(span))) {
    if (!request.hasHeader(name)) request.setHeader(name, value);
  }
}

/** Closes the span when nothing more can happen to the request. */
function closeWith(request: ClientRequest, span: Span): void {
  let error: unknown;
  // Unlike a listener for `error`, this one does not make an unhandled error a handled one.
  request.once(errorMonitor, (thrown: unknown) => (error = thrown));
  const finish = (): void => {
    const { method, res } = request as ClientRequest & { res?: IncomingMessage | null };
    const status = res?.statusCode;
    if (error === undefined && status === undefined) error = ABORTED;
    // After an upgrade or a CONNECT the connection carries something else than the response.
    const isComplete = res?.complete === true || status === 101 || method === 'CONNECT';
    // A response that the program itself gave up is what its status says.
    if (error === undefined && !isComplete && wasCut(res)) error = INCOMPLETE;
    if (error === undefined) recordResponse(span, status);
    else failSpan(span, error, status);
  };
  request.once('close', neverThrowing('http', finish));
}

/** Whether the server ended a response too early. */
function wasCut(response: IncomingMessage | null | undefined): boolean {
  return response?.errored != null;
}

const ABORTED = { code: 'aborted', message: 'closed before a response came' };
const INCOMPLETE = { code: 'aborted', message: 'closed before the response was complete' };

function requestInfo(request: ClientRequest): RequestInfo {
  const { method, protocol, host, path } = request;
  const { socketPath } = request as { socketPath?: string };
  const isSocket = typeof socketPath === 'string';
  const address = isSocket ? socketPath : host;
  return { method, protocol, host, port: isSocket ? undefined : portOf(request), path, address };
}

/** The port, which only the `host` header has. A header that names another host does not tell it. */
function portOf(request: ClientRequest): number | undefined {
  const header = request.getHeader('host');
  const [, name, port] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(String(header)) ?? [];
  if (name !== request.host) return undefined;
  return port === undefined ? defaultPort(request.protocol) : Number(port);
}
