import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import { KvpSpanProcessor } from 'kvp-tracing/opentelemetry';

const pool = new KvpSpanProcessor({ path: 'sdk-pool' });
const exporter = new OTLPTraceExporter(); // to OTEL_EXPORTER_OTLP_ENDPOINT
const batches = new BatchSpanProcessor({ exporter }); // in SDK 2: new BatchSpanProcessor(exporter)

const sdk = new NodeSDK({ serviceName: 'web', spanProcessors: [pool, batches] });
sdk.start();
// OpenTelemetry's exporter rejects if the collector is away.
process.once('beforeExit', () => sdk.shutdown().catch(console.error));
