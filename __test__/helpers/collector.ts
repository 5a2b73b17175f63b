import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { ExecutionContext } from 'ava';
import { OpenTelemetryLayer } from '../../src/opentelemetry/index.ts';
import type { QueueOptions } from '../../src/opentelemetry/export/queue-options.ts';
import { createProvider } from '../../src/opentelemetry/export/own-provider.ts';
import { withDefault } from '../../src/tracing/default-subscriber.ts';
import { Registry } from '../../src/tracing/registry.ts';
import { log } from './exported-spans.ts';

/** A server that misbehaves as `listener` says, until the test is over; its address. */
export async function misbehaving(
  t: ExecutionContext,
  listener: (...args: Parameters<RequestListener>) => unknown,
): Promise<string> {
  const server = createServer((request, response) => {
    // A request that is broken off can't be read.
    void Promise.resolve(listener(request, response)).catch(() => {});
  }).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Listens and is stopped: when its few places are taken, the kernel leaves who knocks without an answer. */
const DEAF = `
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, server.address().port + '\\n');
    process.kill(process.pid, 'SIGSTOP');
  });`;

/** An address from which no answer comes to who wants to connect, as from behind a firewall. */
export async function unreachable(t: ExecutionContext): Promise<string> {
  const deaf = spawn(process.execPath, ['-e', DEAF], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => deaf.kill('SIGKILL'));
  const [output] = (await once(deaf.stdout, 'data')) as [Buffer];
  const port = Number(`${output}`);
  for (let i = 0; i < 4; i++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    t.teardown(() => socket.destroy());
  }
  return `http://127.0.0.1:${port}`;
}

/** A layer that exports there in JSON, by an own provider that waits little, and what makes spans. */
export async function exportingTo(
  t: ExecutionContext,
  endpoint: string,
  queue: QueueOptions = {},
  env: NodeJS.ProcessEnv = {},
) {
  const provider = await createProvider(
    { service: 'agent', queue: { minDelay: 50, maxDelay: 100, ...queue } },
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      // So long that a loaded machine is not taken for a collector that does not answer.
      OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
      ...env,
    },
  );
  if (provider === undefined) throw new Error('no provider');
  const problems: Error[] = [];
  const layer = new OpenTelemetryLayer({ provider, onProblem: (problem) => problems.push(problem) });
  t.teardown(() => provider.shutdown({ timeoutMillis: 0 }).catch(() => {}));
  const registry = new Registry().with(layer);
  /** Makes so many spans, and has them exported within the deadline. */
  const make = (count: number, { name = 'work', message = 'hi', timeout = 30_000 } = {}) => {
    withDefault(registry, () => {
      for (let i = 0; i < count; i++) log.inSpan(name, () => log.info(message));
    });
    return layer.flush({ timeout });
  };
  return { layer, make, problems };
}
