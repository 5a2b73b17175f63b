import { trace } from '@opentelemetry/api';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { KvpSpanProcessor } from 'kvp-tracing/opentelemetry';

const pool = new KvpSpanProcessor({ path: 'otel-pool', agent: 'web/1.0' });
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [pool] }));
