import { BoundedCache } from '../tracing/bounded-cache.ts';
import type { Span } from '../tracing/span.ts';
import { target } from '../tracing/target.ts';
import { clientSpan, defaultPort, failSpan, recordResponse, type RequestInfo } from './client-span.ts';
import { type Carries, contextHeaders } from './propagate.ts';
import { isSuppressed, subscribeToChannel } from './subscribe-to-channel.ts';

/** A request as undici publishes it. */
interface Request {
  readonly origin: string | URL;
  readonly method: string;
  readonly path: string;
  readonly upgrade?: unknown;
  /** Names and values in turn. */
  readonly headers?: unknown;
  addHeader?(name: string, value: string): unknown;
}

interface PendingSpan {
  readonly span: Span;
  status: number | undefined;
}

const log = target('undici');

/**
 * Makes spans of the requests of `fetch()` and undici. Returns how to end the bridge: no further request gets a span,
 * and those that are pending still get their end.
 */
export function bridgeUndici(carries: Carries): () => void {
  const pending = new WeakMap<Request, PendingSpan>();
  let pendingCount = 0;
  let isEnded = false;
  const unsubscribes: (() => void)[] = [];
  const unsubscribeIfDone = (): void => {
    if (isEnded && pendingCount === 0) for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
  };
  const take = (request: Request): PendingSpan | undefined => {
    const taken = pending.get(request);
    if (taken === undefined) return undefined;
    pending.delete(request);
    pendingCount--;
    unsubscribeIfDone();
    return taken;
  };
  const unsubscribeFromCreate = subscribeToChannel<{ request: Request }>(
    'undici:request:create',
    ({ request }) => {
      // Undici does not publish the end of a tunnel.
      if (isSuppressed() || request.method === 'CONNECT' || request.upgrade) return;
      const info = infoOf(request);
      const span = clientSpan(log, info);
      if (carries(info.host, info.port)) addContext(request, span);
      if (span.isDisabled) return;
      pending.set(request, { span, status: undefined });
      pendingCount++;
    },
  );
  unsubscribes.push(
    subscribeToChannel<{ request: Request; response: { statusCode: number } }>(
      'undici:request:headers',
      ({ request, response }) => {
        const known = pending.get(request);
        if (known !== undefined) known.status = response.statusCode;
      },
    ),
    subscribeToChannel<{ request: Request }>('undici:request:trailers', ({ request }) => {
      const taken = take(request);
      if (taken !== undefined) recordResponse(taken.span, taken.status);
    }),
    subscribeToChannel<{ request: Request; error: unknown }>('undici:request:error', ({ request, error }) => {
      const taken = take(request);
      if (taken === undefined) return;
      // A response that the program itself gave up is what its status says.
      if (taken.status !== undefined && isCancelled(error)) recordResponse(taken.span, taken.status);
      else failSpan(taken.span, error, taken.status);
    }),
  );
  return () => {
    isEnded = true;
    unsubscribeFromCreate();
    unsubscribeIfDone();
  };
}

/** The parts of origins: a program calls few, and reading a URL takes as long as a fifth of a span. */
const origins = new BoundedCache<Pick<RequestInfo, 'protocol' | 'host' | 'port'>>();

function infoOf({ method, origin, path }: Request): RequestInfo {
  const text = String(origin);
  const { protocol, host, port } = origins.get(text) ?? origins.add(text, partsOf);
  return { method, protocol, host, port, path, address: host };
}

function partsOf(origin: string): Pick<RequestInfo, 'protocol' | 'host' | 'port'> {
  const { protocol, hostname, port } = new URL(origin);
  return {
    protocol,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? defaultPort(protocol) : Number(port),
  };
}

/**
 * Whether a response ended because the program cancelled its body, or dropped it: whatever is neither an error of the
 * connection, which has a code, nor a timeout.
 */
function isCancelled(error: unknown): boolean {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  return name !== 'TimeoutError' && (typeof code !== 'string' || code === 'UND_ERR_ABORTED');
}

/** Adds headers to a request that has none of a context yet. */
function addContext(request: Request, span: Span): void {
  const { headers, addHeader } = request;
  if (typeof addHeader !== 'function' || indexOf(headers, 'traceparent') >= 0) return;
  const context = contextHeaders(span);
  const own: string[] = [];
  for (const name of Object.keys(context)) {
    if (indexOf(headers, name) >= 0) continue;
    Reflect.apply(addHeader, request, [name, context[name]]);
    own.push(name);
  }
  if (own.length === 0 || !Array.isArray(request.headers)) return;
  // Another instrumentation that hears of the request after us: its headers count, and not twice.
  request.addHeader = (name, value) => {
    const known = own.indexOf(name.toLowerCase());
    const at = known < 0 ? -1 : indexOf(request.headers, own.splice(known, 1)[0] as string);
    if (at < 0) return Reflect.apply(addHeader, request, [name, value]);
    (request.headers as unknown[])[at + 1] = value;
    return request;
  };
}

/** Where a header is among names and values; -1 if it is not, or if headers are a text without it. */
function indexOf(headers: unknown, name: string): number {
  const wanted = name.toLowerCase();
  if (typeof headers === 'string') return headers.toLowerCase().search(new RegExp(`^${wanted}:`, 'm'));
  if (!Array.isArray(headers)) return -1;
  return headers.findIndex((text, at) => at % 2 === 0 && String(text).toLowerCase() === wanted);
}
