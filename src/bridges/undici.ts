import type { Span } from '../tracing/span.ts';
import { target } from '../tracing/target.ts';
import { recordResponse, clientSpan, defaultPort } from './client-span.ts';
import { failSpan } from './failed.ts';
import { listen } from './listen.ts';
import { isSuppressed } from './suppressed.ts';

/** A request as undici tells of it. */
interface Request {
  readonly origin: string | URL;
  readonly method: string;
  readonly path: string;
  readonly upgrade?: unknown;
}

interface Open {
  readonly span: Span;
  status: number | undefined;
}

const log = target('undici');

/** Makes spans of the requests of `fetch()` and undici; returns how to end that, which lets those under way end. */
export function bridgeUndici(): () => void {
  const open = new WeakMap<Request, Open>();
  let under = 0;
  let isOver = false;
  const ends: (() => void)[] = [];
  const endAll = (): void => {
    if (isOver && under === 0) for (const end of ends.splice(0)) end();
  };
  const take = (request: Request): Open | undefined => {
    const taken = open.get(request);
    if (taken === undefined) return undefined;
    open.delete(request);
    under--;
    endAll();
    return taken;
  };
  const endBeginning = listen<{ request: Request }>('undici:request:create', ({ request }) => {
    // Nobody would tell of the end of a tunnel.
    if (isSuppressed() || request.method === 'CONNECT' || request.upgrade) return;
    const span = spanOf(request);
    if (span.isDisabled) return;
    open.set(request, { span, status: undefined });
    under++;
  });
  ends.push(
    listen<{ request: Request; response: { statusCode: number } }>(
      'undici:request:headers',
      ({ request, response }) => {
        const known = open.get(request);
        if (known !== undefined) known.status = response.statusCode;
      },
    ),
    listen<{ request: Request }>('undici:request:trailers', ({ request }) => {
      const taken = take(request);
      if (taken !== undefined) recordResponse(taken.span, taken.status);
    }),
    listen<{ request: Request; error: unknown }>('undici:request:error', ({ request, error }) => {
      const taken = take(request);
      if (taken !== undefined) failSpan(taken.span, error, taken.status);
    }),
  );
  return () => {
    isOver = true;
    endBeginning();
    endAll();
  };
}

function spanOf({ method, origin, path }: Request): Span {
  const { protocol, hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  const asked = { method, protocol, host, path, address: host };
  return clientSpan(log, { ...asked, port: port === '' ? defaultPort(protocol) : Number(port) });
}
