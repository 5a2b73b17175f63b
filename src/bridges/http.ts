import { errorMonitor } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Span } from '../tracing/span.ts';
import { target } from '../tracing/target.ts';
import { recordResponse, type RequestInfo, clientSpan, defaultPort } from './client-span.ts';
import { failSpan } from './failed.ts';
import { neverThrowing, listen } from './listen.ts';
import { isSuppressed } from './suppressed.ts';

interface Message {
  readonly request: ClientRequest;
}

const log = target('http');

/** Makes spans of the requests of `node:http` and `node:https`; returns how to end that. */
export function bridgeHttp(): () => void {
  const seen = new WeakSet<ClientRequest>();
  const begin = ({ request }: Message): void => {
    if (seen.has(request)) return;
    seen.add(request);
    if (isSuppressed()) return;
    const span = clientSpan(log, askedBy(request));
    if (!span.isDisabled) watch(request, span);
  };
  // Node.js 20 tells of a request only when it is sent, later versions when it is made too.
  const ends = ['created', 'start'].map((when) => listen(`http.client.request.${when}`, begin));
  return () => {
    for (const end of ends) end();
  };
}

/** Ends the span when nothing more can happen to the request. */
function watch(request: ClientRequest, span: Span): void {
  let error: unknown;
  // Unlike a listener of its own this leaves an error that nobody handles what it is.
  request.once(errorMonitor, (thrown: unknown) => (error = thrown));
  const ended = (): void => {
    const { method, res } = request as ClientRequest & { res?: IncomingMessage | null };
    const status = res?.statusCode;
    if (error === undefined && status === undefined) error = ABORTED;
    // What comes behind these is no response any more.
    const isWhole = res?.complete === true || status === 101 || method === 'CONNECT';
    if (error === undefined && !isWhole) error = CUT_SHORT;
    if (error === undefined) recordResponse(span, status);
    else failSpan(span, error, status);
  };
  request.once('close', neverThrowing('http', ended));
}

const ABORTED = { code: 'aborted', message: 'closed before a response came' };
const CUT_SHORT = { code: 'aborted', message: 'closed before the response was complete' };

function askedBy(request: ClientRequest): RequestInfo {
  const { method, protocol, host, path } = request;
  const { socketPath } = request as { socketPath?: string };
  const isSocket = typeof socketPath === 'string';
  const address = isSocket ? socketPath : host;
  return { method, protocol, host, port: isSocket ? undefined : portOf(request), path, address };
}

/** Only the header knows the port; one that names another host says nothing of it. */
function portOf(request: ClientRequest): number | undefined {
  const header = request.getHeader('host');
  const [, name, port] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(String(header)) ?? [];
  if (name !== request.host) return undefined;
  return port === undefined ? defaultPort(request.protocol) : Number(port);
}
