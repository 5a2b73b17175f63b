import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { messageOf } from '../../errors.ts';
import { type OtlpSettings, readOtlpSettings } from '../../opentelemetry/export/otlp-settings.ts';
import { type Check, checkOf } from './check.ts';

/** How long a connection may take, in milliseconds. */
const TIMEOUT = 2000;
const VARIABLES = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];

/** Whether the collector of the environment takes a connection. Nothing is sent to it. */
export async function collectorCheck(env: NodeJS.ProcessEnv): Promise<Check> {
  const { ok, error, skipped } = checkOf('collector');
  const variable = VARIABLES.find((name) => (env[name] ?? '').trim() !== '');
  if (variable === undefined) return skipped(`${VARIABLES[1]} is not set`);
  let settings: OtlpSettings;
  try {
    settings = readOtlpSettings(env);
  } catch (thrown) {
    return error(messageOf(thrown), `correct the variables OTEL_EXPORTER_OTLP_…`);
  }
  // Not the whole URL, which may have a password.
  const { protocol, host } = settings.url;
  const shown = `${protocol}//${host}`;
  try {
    await connected(settings);
    return ok(`${shown} takes a connection`);
  } catch (thrown) {
    return error(
      `${shown} can't be reached: ${messageOf(thrown)}`,
      `start the collector, or correct ${variable}`,
    );
  }
}

async function connected({ url, tls }: OtlpSettings): Promise<void> {
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || (isTls ? 443 : 80);
  await new Promise<void>((resolve, reject) => {
    const socket = isTls
      ? connectTls({ host, port, ...tls, servername: /[a-z]/i.test(host) && !host.includes(':') ? host : '' })
      : connect({ host, port });
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (error: NodeJS.ErrnoException & { errors?: Error[] }) => {
      // A name with several addresses: the error of all says nothing.
      reject(error.message === '' ? (error.errors?.[0] ?? error) : error);
    });
    socket.setTimeout(TIMEOUT, () => {
      socket.destroy();
      reject(new Error(`no answer within ${TIMEOUT / 1000} s`));
    });
  });
}
