// What the API's pages have of the main entry: its exports, and the types that they name without being exported.
export * from '../../../src/index.ts';
export { Span } from '../../../src/tracing/span.ts';
export type { Decorator, DecoratorOptions } from '../../../src/tracing/instrument.ts';
export type { Details } from '../../../src/errors.ts';
export type { Exporter, Processor } from '../../../src/opentelemetry/sdk-shapes.ts';
export type { FieldsObject } from '../../../src/tracing/fields.ts';
export type { ParsedReport } from '../../../src/diagnostics/report/report.ts';
export type { QueueOptions } from '../../../src/opentelemetry/export/queue-options.ts';
export type { Failure } from '../../../src/tracing/failure.ts';
export type { Propagate } from '../../../src/bridges/propagate.ts';
