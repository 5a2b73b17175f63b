import { errorMonitor } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Span } from '../tracing/span.ts';
import { target } from '../tracing/target.ts';
import { clientSpan, defaultPort, failSpan, recordResponse, type RequestInfo } from './client-span.ts';
import { isSuppressed, neverThrowing, subscribeToChannel } from './subscribe-to-channel.ts';

interface Message {
  readonly request: ClientRequest;
}

const log = target('http');

/** Makes spans of the requests of `node:http` and `node:https`. Returns how to end the bridge. */
export function bridgeHttp(): () => void {
  const seen = new WeakSet<ClientRequest>();
  const begin = ({ request }: Message): void => {
    if (seen.has(request)) return;
    seen.add(request);
    if (isSuppressed()) return;
    const span = clientSpan(log, requestInfo(request));
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
    if (error === undefined && !isComplete) error = INCOMPLETE;
    if (error === undefined) recordResponse(span, status);
    else failSpan(span, error, status);
  };
  request.once('close', neverThrowing('http', finish));
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
