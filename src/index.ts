import './filter/text-filters.ts';
import { Span as SpanClass } from './tracing/span.ts';

export { initializeTracing } from './setup/initialize-tracing.ts';
export { Registry } from './tracing/registry.ts';
export { setGlobalDefault, withDefault } from './tracing/default-subscriber.ts';
export { installSignalHandlers } from './tracing/signals.ts';
export { childEnv } from './tracing/child-env.ts';
export { bridgeDiagnosticsChannels } from './bridges/bridge-diagnostics-channels.ts';
export { Level } from './tracing/level.ts';
export { Fields } from './tracing/fields.ts';
export { Target, target } from './tracing/target.ts';
export {
  debug,
  error,
  event,
  info,
  inSpan,
  instrument,
  span,
  trace,
  warn,
} from './tracing/default-target.ts';
export { BaseLayer } from './tracing/layer.ts';
export { EnvFilter } from './filter/env-filter.ts';
export { reload } from './filter/reload.ts';
export { EmitKVPLayer } from './layers/emit-kvp-layer.ts';
export { StderrLayer } from './layers/stderr-layer.ts';
export { MemoryLayer } from './layers/memory-layer.ts';
export { diagnostics } from './diagnostics/write/diagnostics-writer.ts';
export { readExport } from './diagnostics/read/pool-export.ts';
export { readDiagnostics, readDiagnosticsSync } from './diagnostics/read/read-diagnostics.ts';
export { ProvisioningError } from './diagnostics/report/provisioning-error.ts';
export { formatReport, parseReport } from './diagnostics/report/report.ts';
export { parseSupportingData } from './diagnostics/report/supporting-data.ts';
export { lastBoot } from './diagnostics/summary/last-boot.ts';
export { storedFiles } from './diagnostics/summary/stored-files.ts';
export { summarize } from './diagnostics/summary/summary.ts';
export { compareTimelines } from './diagnostics/timeline/compare-timelines.ts';
export { ownTimes } from './diagnostics/timeline/own-times.ts';
export { timeline } from './diagnostics/timeline/timeline.ts';
export { renderTree } from './format/render-tree.ts';
export { vmId } from './diagnostics/vm-id.ts';
export { openPool } from './pool/open-pool.ts';
export { chooseBackend as backend } from './pool/binding.ts';
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
  NoMemoryError,
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

export type { Diagnostic, RecordProblem } from './diagnostics/diagnostic.ts';
export type { DiagnosticFormat, WritableFormat } from './diagnostics/formats/format-table.ts';
export type { ProblemReason } from './diagnostics/collector.ts';
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
} from './diagnostics/write/diagnostics-writer.ts';
export type { PayloadEncoding } from './diagnostics/encoding.ts';
export type { PoolExport } from './diagnostics/read/pool-export.ts';
export type { PoolContent, PoolSource } from './diagnostics/read/read-diagnostics.ts';
export type { ProvisioningErrorOptions } from './diagnostics/report/provisioning-error.ts';
export type { Report, ReportExtras, ReportRecord } from './diagnostics/report/report.ts';
export type { Boot, BootOptions } from './diagnostics/summary/last-boot.ts';
export type { StoredFile } from './diagnostics/summary/stored-files.ts';
export type {
  FirstFailure,
  Summary,
  SummaryOptions,
  SummaryPart,
  SummaryReport,
} from './diagnostics/summary/summary.ts';
export type { SummaryWriter } from './diagnostics/summary/writers.ts';
export type { ComparedSpan, Comparison } from './diagnostics/timeline/compare-timelines.ts';
export type { OwnTime } from './diagnostics/timeline/own-times.ts';
export type { Gap, Timeline } from './diagnostics/timeline/timeline.ts';
export type { TimelineNode } from './diagnostics/timeline/timeline-node.ts';
export type { RenderOptions } from './format/render-tree.ts';
export type { Tree, TreeEvent, TreeSpan } from './format/tree.ts';
export type { Defect, DefectReason } from './pool/edit.ts';
export type { NumberedPool } from './pool/open-pool.ts';
export type { Limits, PoolRecord } from './pool/record.ts';
export type { PoolStore } from './pool/pool-store.ts';
export type { Repair } from './pool/repair.ts';
export type { RecordsOptions, StoreOptions } from './pool/store-options.ts';
export type {
  FileOptions,
  LinesOptions,
  OpenTelemetryOptions,
  TracingOptions,
} from './setup/tracing-options.ts';
export type { ReportOptions, ReportOutcome } from './setup/reporter.ts';
export type { Tracing } from './setup/initialize-tracing.ts';
export type { Reload } from './setup/reload-outputs.ts';
export type { Bridge, BridgeOptions } from './bridges/bridge-diagnostics-channels.ts';
export type { Event } from './tracing/event.ts';
export type { Deadline, Layer, LayerView, Outcome } from './tracing/layer.ts';
export type { FieldsInput } from './tracing/fields.ts';
export type { EnvFilterOptions } from './filter/env-filter.ts';
export type { ReloadHandle } from './filter/reload.ts';
export type { FieldNames, Filter, FilterInput, SpanMatch } from './tracing/filter.ts';
export type { InstrumentOptions } from './tracing/instrument.ts';
export type { LevelFilterName, LevelName } from './tracing/level.ts';
export type { Metadata } from './tracing/metadata.ts';
export type { ProblemHandler } from './tracing/problem-handler.ts';
export type { RedactOption } from './tracing/redactor.ts';
export type { RegistryOptions } from './tracing/registry.ts';
export type { Result } from './tracing/span.ts';
export type { SpanEvent } from './tracing/span-event.ts';
export type { SpanOptions } from './tracing/span-options.ts';
export type { EmitKVPLayerOptions } from './layers/emit-kvp-layer.ts';
export type { KvpChannelOptions } from './layers/channel-options.ts';
export type { LineLayerOptions } from './layers/line-layer.ts';
export type { Memory, MemoryEvent, MemorySpan } from './layers/memory-layer.ts';
export type { StderrLayerOptions } from './layers/stderr-layer.ts';
export type { LineStats, Writer } from './layers/lines.ts';
export type { Backend, Dropped, DropReason, WriterStats } from './pool/pool-writer.ts';

/** A span; `Span.current()` is the one that the code runs in. Targets make spans, so there is no constructor. */
export type Span = SpanClass;
export const Span: Pick<typeof SpanClass, 'current' | 'prototype'> & Function = SpanClass;
