// What the API's pages have of `kvp-tracing/opentelemetry`.
export * from '../../../src/opentelemetry/index.ts';
export type { ResourceOf } from '../../../src/opentelemetry/processor/service-channels.ts';
