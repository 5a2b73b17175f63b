import { trace } from '@opentelemetry/api';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { KvpSpanProcessor } from 'kvp-tracing/opentelemetry';

const provider = new TracerProvider({
  spanProcessors: [new KvpSpanProcessor({ path: 'otel-pool', agent: 'web/1.0' })],
});
trace.setGlobalTracerProvider(provider);

trace.getTracer('web').startActiveSpan('GET /disks', (span) => {
  span.addEvent('from the cache', { hit: true });
  span.end();
});
await provider.shutdown();
