import { OptionError } from '../errors.ts';
import { currentSubscriber } from '../tracing/context.ts';
import { callInContext } from '../tracing/run-in-span.ts';
import type { Span } from '../tracing/span.ts';

/** Which requests carry the context: all, none, or those to certain hosts. */
export type Propagate = boolean | readonly string[];

/** `host`, `host:port` or `*.domain`. */
const HOST = /^(?:\*\.)?(?:[^\s/:*?#@[\]]+|\[[0-9a-f:.]+\])(?::\d+)?$/i;

/** Checks the option `propagate`. Throws `OptionError`. */
export function propagateOption(option: string, given: unknown): Propagate {
  if (typeof given === 'boolean') return given;
  const isHost = (host: unknown): boolean => typeof host === 'string' && HOST.test(host);
  if (Array.isArray(given) && given.every(isHost)) return [...(given as string[])];
  const wrong: unknown = Array.isArray(given) ? given.find((host) => !isHost(host)) : given;
  throw new OptionError(option, wrong, 'true, false or a list of hosts: "host", "host:port" or "*.domain"');
}

/** Whether a request to a host carries the context. */
export type Carries = (host: string, port: number | undefined) => boolean;

export function carriesContext(propagate: Propagate = true): Carries {
  if (typeof propagate === 'boolean') return () => propagate;
  const hosts = new Set(propagate.map((host) => host.toLowerCase()));
  const domains = [...hosts].filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
  return (given, port) => {
    const host = (given.includes(':') ? `[${given}]` : given).toLowerCase();
    const names = port === undefined ? [host] : [host, `${host}:${port}`];
    return names.some((name) => hosts.has(name) || domains.some((domain) => name.endsWith(domain)));
  };
}

/** The context inside of a span, else the current one, as the headers of a request. */
export function contextHeaders(span: Span): Readonly<Record<string, string>> {
  const registry = span.registry ?? currentSubscriber();
  if (registry === undefined) return {};
  const headers = (): Record<string, string> => registry.contextHeaders();
  return callInContext(span, headers, undefined, []) as Record<string, string>;
}
