import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { OpenTelemetryLayer } from '../../src/opentelemetry/index.ts';
import type { QueueOptions } from '../../src/opentelemetry/outbox.ts';
import { createProvider } from '../../src/opentelemetry/provider.ts';
import { withDefault } from '../../src/tracing/dispatch.ts';
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

/** A layer that exports there in JSON, by an own provider that waits little, and what makes spans. */
export async function exportingTo(
  t: ExecutionContext,
  endpoint: string,
  queue: QueueOptions = {},
  env: NodeJS.ProcessEnv = {},
) {
  const provider = await createProvider(
    { service: 'agent', queue: { minDelay: 50, maxDelay: 100, ...queue } },
    { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', ...env },
  );
  if (provider === undefined) throw new Error('no provider');
  const problems: Error[] = [];
  const layer = new OpenTelemetryLayer({ provider, onProblem: (problem) => problems.push(problem) });
  t.teardown(() => provider.shutdown({ timeoutMillis: 0 }).catch(() => {}));
  const registry = new Registry().with(layer);
  /** Makes so many spans, and has them exported within the deadline. */
  const make = (count: number, { name = 'work', timeout = 30_000 } = {}) => {
    withDefault(registry, () => {
      for (let i = 0; i < count; i++) log.inSpan(name, () => log.info('hi'));
    });
    return layer.flush({ timeout });
  };
  return { layer, make, problems };
}
