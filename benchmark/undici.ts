/**
 * What a request of undici costs the thread that makes it more when spans are made of it: by our bridge, and by
 * OpenTelemetry's instrumentation. The requests are undici's own, and publish what they always do, but nothing is sent:
 * a socket would cost ten times as much as either.
 */
import { channel } from 'node:diagnostics_channel';
import { propagation } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { BasicTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { bridgeDiagnosticsChannels, Registry, withDefault } from 'kvp-tracing';
import { OpenTelemetryLayer } from 'kvp-tracing/opentelemetry';
// @ts-expect-error There are no types of the modules inside of the package.
import inner from 'undici/lib/core/request.js';
import { interleaved, type Subject } from './measure.ts';

const COUNT = 100;
const ROUNDS = 1000;

/** What undici's client calls of a request while it sends it and reads the answer. */
interface Request {
  onConnect(abort: () => void): void;
  onHeaders(status: number, headers: readonly Buffer[], resume: () => void, text: string): boolean;
  onComplete(trailers: readonly Buffer[]): void;
}

const UndiciRequest = inner as new (origin: string, options: object, handler: object) => Request;

const SENT = channel('undici:client:sendHeaders');
const SOCKET = { remoteAddress: '127.0.0.1', remotePort: 8080 };
const HANDLER = { onConnect() {}, onHeaders: () => true, onData: () => true, onComplete() {}, onError() {} };
const ANSWERED = [Buffer.from('content-type'), Buffer.from('text/plain')];

function request(): void {
  const options = {
    method: 'GET',
    path: '/metadata/instance?api-version=2021-02-01',
    headers: { accept: '*/*' },
  };
  const made = new UndiciRequest('http://localhost:8080', options, HANDLER);
  made.onConnect(() => {});
  SENT.publish({ request: made, headers: '', socket: SOCKET });
  made.onHeaders(200, ANSWERED, () => {}, 'OK');
  made.onComplete([]);
}

/** Nanoseconds of a request: `none`, `bridge`, `instrumentation`. */
export async function undiciCosts(): Promise<Map<string, number>> {
  const nothing: SpanProcessor = {
    onStart() {},
    onEnd() {},
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const provider = new BasicTracerProvider({ spanProcessors: [nothing] });
  const registry = new Registry().with(new OpenTelemetryLayer({ provider }));
  const instrumentation = new UndiciInstrumentation();
  instrumentation.disable();
  instrumentation.setTracerProvider(provider);
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const requests = (count: number): void => {
    for (let i = 0; i < count; i++) request();
  };
  const subjects: Subject[] = [
    { name: 'none', run: requests },
    {
      name: 'bridge',
      run: (count) => {
        using _ = bridgeDiagnosticsChannels({ undici: true });
        withDefault(registry, () => requests(count));
      },
    },
    {
      name: 'instrumentation',
      run: (count) => {
        instrumentation.enable();
        requests(count);
        instrumentation.disable();
      },
    },
  ];
  const costs = await interleaved(subjects, ROUNDS, COUNT);
  propagation.disable();
  await provider.shutdown();
  return costs;
}
