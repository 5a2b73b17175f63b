export { initializeTracing } from './setup.ts';
export { Registry } from './tracing/registry.ts';
export { setGlobalDefault, withDefault } from './tracing/dispatch.ts';
export { installSignalHandlers } from './tracing/signals.ts';
export { childEnv } from './tracing/child-env.ts';
export { bridgeDiagnosticsChannels } from './bridges/bridge.ts';
export { Level } from './tracing/level.ts';
export { Span } from './tracing/span.ts';
export { Event } from './tracing/event.ts';
export { Fields } from './tracing/fields.ts';
export { Target, target } from './tracing/target.ts';
export { debug, error, event, info, inSpan, instrument, span, trace, warn } from './tracing/free.ts';
export { BaseLayer, LayerView } from './tracing/layer.ts';
export { EnvFilter } from './filter/env-filter.ts';
export { reload } from './filter/reload.ts';
export { EmitKVPLayer } from './layers/kvp.ts';
export { StderrLayer } from './layers/stderr.ts';
export { MemoryLayer } from './layers/memory.ts';
export { diagnostics } from './diagnostics/diag-writer.ts';
export { readDiagnostics, readDiagnosticsSync } from './diagnostics/reader.ts';
export { ProvisioningError } from './diagnostics/provisioning-error.ts';
export { formatReport, parseReport } from './diagnostics/report.ts';
export { parseSupportingData } from './diagnostics/supporting-data.ts';
export { timeline } from './diagnostics/timeline.ts';
export { renderTree } from './format/tree.ts';
export { vmId } from './pool/vm-id.ts';
export { openPool } from './pool/pool.ts';
export { PoolStore } from './pool/store.ts';
export { chooseBackend as backend } from './pool/native.ts';
export {
  BindingError,
  ClosedError,
  CutShortError,
  DroppedError,
  EmptyKeyError,
  ExportError,
  FieldError,
  FilterError,
  IoError,
  KeyTooLongError,
  KvpError,
  LayerError,
  LockTimeoutError,
  MalformedPoolError,
  MissingPeerError,
  NoLockError,
  NotAPoolFileError,
  NulError,
  OptionError,
  PoolFullError,
  ReadOnlyError,
  ReportError,
  SubscriberSetError,
  TooLargeError,
  ValueTooLongError,
} from './errors.ts';

export type { Diagnostic, DiagnosticFormat, ProblemReason, RecordProblem } from './diagnostics/diagnostic.ts';
export type {
  Artifact,
  ArtifactOptions,
  DiagnosticPayload,
  DiagnosticsOptions,
  DiagnosticsWriter,
  EventOptions,
  FinishOptions,
  StartedDiagnostic,
  StartOptions,
} from './diagnostics/diag-writer.ts';
export type { PayloadEncoding } from './diagnostics/encoding.ts';
export type { PoolContent, PoolSource } from './diagnostics/reader.ts';
export type { ProvisioningErrorOptions } from './diagnostics/provisioning-error.ts';
export type { Report, ReportExtras, ReportRecord } from './diagnostics/report.ts';
export type { Gap, Timeline } from './diagnostics/timeline.ts';
export type { TimelineNode } from './diagnostics/timeline-node.ts';
export type { RenderOptions, Tree, TreeEvent, TreeSpan } from './format/tree.ts';
export type { Defect, DefectReason } from './pool/edit.ts';
export type { NumberedPool } from './pool/pool.ts';
export type { Limits, PoolRecord } from './pool/record.ts';
export type { RecordsOptions, Repair, StoreOptions } from './pool/store.ts';
export type { FileOptions, LinesOptions, OpenTelemetryOptions, TracingOptions } from './config.ts';
export type { ReportOptions, ReportOutcome } from './reporter.ts';
export type { Reload, Tracing } from './setup.ts';
export type { Bridge, BridgeOptions } from './bridges/bridge.ts';
export type { Deadline, Layer, Outcome } from './tracing/layer.ts';
export type { FieldsInput } from './tracing/fields.ts';
export type { EnvFilterOptions } from './filter/env-filter.ts';
export type { ReloadHandle } from './filter/reload.ts';
export type { FieldNames, Filter, FilterInput, Inside } from './tracing/filter.ts';
export type { InstrumentOptions } from './tracing/instrument.ts';
export type { LevelFilterName, LevelName } from './tracing/level.ts';
export type { Metadata } from './tracing/metadata.ts';
export type { ProblemHandler } from './tracing/problem.ts';
export type { RegistryOptions } from './tracing/registry.ts';
export type { Result } from './tracing/span.ts';
export type { SpanOptions } from './tracing/target.ts';
export type { EmitKVPLayerOptions, Moment } from './layers/kvp.ts';
export type { KvpChannelOptions, Place } from './layers/kvp-channel.ts';
export type { LineLayerOptions, SpanEvent } from './layers/line-layer.ts';
export type { Memory, MemoryEvent, MemorySpan } from './layers/memory.ts';
export type { StderrLayerOptions } from './layers/stderr.ts';
export type { LineStats, Writer } from './layers/lines.ts';
export type { Backend, Dropped, DropReason, WriterStats } from './pool/writer.ts';
