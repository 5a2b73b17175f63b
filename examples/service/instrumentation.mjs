import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import { KvpSpanProcessor } from 'kvp-tracing/opentelemetry';

const exporter = new OTLPTraceExporter();
const batches = new BatchSpanProcessor({ exporter }); // SDK 3; in SDK 2: new BatchSpanProcessor(exporter)
new NodeSDK({ spanProcessors: [new KvpSpanProcessor(), batches] }).start();
