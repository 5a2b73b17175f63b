import type { Span } from '../tracing/span.ts';
import { target } from '../tracing/target.ts';
import { clientSpan, defaultPort, failSpan, recordResponse } from './client-span.ts';
import { isSuppressed, subscribeToChannel } from './subscribe-to-channel.ts';

/** A request as undici publishes it. */
interface Request {
  readonly origin: string | URL;
  readonly method: string;
  readonly path: string;
  readonly upgrade?: unknown;
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
export function bridgeUndici(): () => void {
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
      const span = spanOf(request);
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
      if (taken !== undefined) failSpan(taken.span, error, taken.status);
    }),
  );
  return () => {
    isEnded = true;
    unsubscribeFromCreate();
    unsubscribeIfDone();
  };
}

function spanOf({ method, origin, path }: Request): Span {
  const { protocol, hostname, port: given } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  const port = given === '' ? defaultPort(protocol) : Number(given);
  return clientSpan(log, { method, protocol, host, port, path, address: host });
}
