/** What a span of OpenTelemetry costs the thread that makes it, by the processor that hears of it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BasicTracerProvider, BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { KvpSpanProcessor } from 'kvp-tracing/opentelemetry';
import { busyTime, interleaved, type Subject } from './measure.ts';

/** As many as one batch of OpenTelemetry's has. */
const COUNT = 512;
const ROUNDS = 200;

/**
 * Nanoseconds of a span with two attributes: `none`, `kvp`, `kvp, written`, `batch` with an exporter that does
 * nothing, `batch, exported` to a collector that takes everything at once.
 */
export async function spanProcessorCosts(folder: string): Promise<Map<string, number>> {
  const providers: BasicTracerProvider[] = [];
  const through = (name: string, processor: SpanProcessor, isFlushed: boolean): Subject => {
    const provider = new BasicTracerProvider({ spanProcessors: [processor] });
    providers.push(provider);
    const tracer = provider.getTracer('http');
    const flush = () => provider.forceFlush();
    const run = (count: number) => {
      for (let i = 0; i < count; i++) {
        tracer.startSpan('provision_user', { attributes: { user: 'alice', key_count: i } }).end();
      }
      return isFlushed ? flush() : undefined;
    };
    return { name, run, rest: flush };
  };
  const nothing = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} };
  const done = {
    export: (_: unknown, over: (result: { code: number }) => void) => over({ code: 0 }),
    shutdown: async () => {},
  };
  const collector = fork(fileURLToPath(import.meta.url), ['collector']);
  const [port] = (await once(collector, 'message')) as [number];
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}/v1/traces` });
  const path = (name: string) => join(folder, `${name}.pool`);
  const kvp = (name: string) =>
    new KvpSpanProcessor({ path: path(name), vmId: 'vm', maxRecords: 2 ** 31, onProblem: () => {} });
  const subjects = [
    through('none', nothing, true),
    through('kvp', kvp('kvp'), false),
    through('kvp, written', kvp('kvp, written'), true),
    through('batch', new BatchSpanProcessor(done), true),
    through('batch, exported', new BatchSpanProcessor(exporter), true),
  ].map((subject) => ({
    ...subject,
    rest: async () => {
      await subject.rest?.();
      if (subject.name.startsWith('kvp')) truncateSync(path(subject.name));
    },
  }));
  const costs = await interleaved(subjects, ROUNDS, COUNT, busyTime);
  for (const provider of providers) await provider.shutdown();
  collector.kill();
  await once(collector, 'close');
  return costs;
}

if (process.argv[2] === 'collector') {
  const server = createServer((request, response) => request.resume().on('end', () => response.end()));
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}
