import { OptionError } from '../../errors.ts';
import { TIMER_MAX } from '../../tracing/timers.ts';
import { settingOf } from '../setting.ts';
import { credentialFile } from './credential-file.ts';

/** The default timeout of an export, in milliseconds; also how long a shutdown waits for one. */
export const EXPORT_TIMEOUT = 5000;

/** The collector and how to reach it, as OpenTelemetry specifies the environment of an OTLP exporter. */
export interface OtlpSettings {
  url: URL;
  protocol: 'http/protobuf' | 'http/json';
  headers: Record<string, string>;
  /** The timeout of a request, in milliseconds. */
  timeout: number;
  gzip: boolean;
  /** Certificates and key for TLS. */
  tls: { ca?: Buffer; cert?: Buffer; key?: Buffer };
}

/**
 * Reads `OTEL_EXPORTER_OTLP_*`; `OTEL_EXPORTER_OTLP_TRACES_*` take precedence. Throws `OptionError`, or the system's
 * error if a certificate can't be read.
 */
export function readOtlpSettings(env: NodeJS.ProcessEnv): OtlpSettings {
  const tls: OtlpSettings['tls'] = {};
  for (const [part, name] of CERTIFICATES) {
    const [variableName, path] = variable(env, name);
    if (path === undefined) continue;
    // The system's error would show it.
    if (path.includes('-----BEGIN')) throw new OptionError(variableName, path, 'the path of a file');
    tls[part] = credentialFile(variableName, path);
  }
  return {
    url: urlIn(env),
    protocol: oneOf(env, 'PROTOCOL', ['http/protobuf', 'http/json']),
    headers: { ...headersIn(env, 'OTEL_EXPORTER_OTLP_HEADERS'), ...headersIn(env, `${TRACES}HEADERS`) },
    timeout: timeoutIn(env),
    gzip: oneOf(env, 'COMPRESSION', ['none', 'gzip']) === 'gzip',
    tls,
  };
}

const TRACES = 'OTEL_EXPORTER_OTLP_TRACES_';

const CERTIFICATES = [
  ['ca', 'CERTIFICATE'],
  ['cert', 'CLIENT_CERTIFICATE'],
  ['key', 'CLIENT_KEY'],
] as const;

/** The name and value of the variable that takes precedence. */
function variable(env: NodeJS.ProcessEnv, name: string): [name: string, value: string | undefined] {
  const traces = env[`${TRACES}${name}`]?.trim();
  if (traces) return [`${TRACES}${name}`, traces];
  const general = `OTEL_EXPORTER_OTLP_${name}`;
  return [general, env[general]?.trim() || undefined];
}

function urlIn(env: NodeJS.ProcessEnv): URL {
  const [name, endpoint = 'http://localhost:4318'] = variable(env, 'ENDPOINT');
  // As specified: the general endpoint is completed by a path, the one for traces is not.
  const text = name.startsWith(TRACES) ? endpoint : `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new OptionError(name, endpoint, 'a URL of http or https');
}

function timeoutIn(env: NodeJS.ProcessEnv): number {
  const [name, given = `${EXPORT_TIMEOUT}`] = variable(env, 'TIMEOUT');
  const timeout = Number(given);
  if (timeout > 0 && timeout <= TIMER_MAX) return timeout;
  throw new OptionError(name, given, 'a number of milliseconds over 0');
}

/** The value of a variable; the first of `known` if it is unset. */
function oneOf<const T extends string>(env: NodeJS.ProcessEnv, what: string, known: readonly [T, ...T[]]): T {
  const [name] = variable(env, what);
  const given = settingOf(env, name);
  if (given === undefined) return known[0];
  const found = known.find((each) => each === given);
  if (found === undefined) throw new OptionError(name, given, known.join(' or '));
  return found;
}

/** The characters that the value of an HTTP header may have. */
const HEADER = /^[\t\x20-\x7e\x80-\xff]*$/;

/** `name=value,…`, the values percent-encoded. */
function headersIn(env: NodeJS.ProcessEnv, name: string): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const part of (env[name] ?? '').split(',')) {
    if (part.trim() === '') continue;
    const [, key = '', given = ''] = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*=(.*)$/.exec(part) ?? [];
    const value = decoded(given.trim());
    // The error does not show the text of such a variable: it may be secret.
    if (key === '' || !HEADER.test(value)) throw new OptionError(name, env[name], 'a list of name=value');
    headers[key.toLowerCase()] = value;
  }
  return headers;
}

/** Decodes percent-encoding; a text that is not valid percent-encoding is returned as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
