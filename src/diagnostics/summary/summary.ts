import { anyOption, type Checks, readOptions } from '../../option.ts';

import type { ProblemReason } from '../collector.ts';
import { DROP_REPORT_NAME } from '../layout.ts';
import type { PoolContent } from '../read/read-diagnostics.ts';
import { isReportField, type ReportRecord } from '../report/report.ts';
import { endOf, ownTimes } from '../timeline/own-times.ts';
import { pathOf, spansOf } from '../timeline/spans-of.ts';
import type { TimelineNode } from '../timeline/timeline-node.ts';
import type { Defect } from '../../pool/edit.ts';
import { jsonFields } from '../../format/item-text.ts';
import { Date } from '../../tracing/timers.ts';
import { type Failures, failuresOf } from './failures.ts';
import { type SummaryWriter, writersOf } from './writers.ts';
import { BOOT_OPTIONS, type Boot, type BootOptions, lastBoot } from './last-boot.ts';
import { reportTime } from './report-time.ts';

export interface SummaryOptions extends BootOptions {
  /** What `inspect` of the pool found. Default: it was not looked for. */
  defects?: readonly Defect[] | undefined;
}

const SUMMARY_OPTIONS: Checks<SummaryOptions> = { ...BOOT_OPTIONS, defects: anyOption };

/** The provisioning report of a boot. */
export interface SummaryReport {
  result?: string;
  reason?: string;
  agent?: string;
  vmId?: string;
  /** When it was made; absent if its `timestamp` is no time. */
  time?: Date;
  ppsType?: string;
  documentationUrl?: string;
  /** Its further details by name, but the traceback; has no prototype. */
  supportingData: Record<string, string>;
  /** Its `traceback_base64`, decoded; at most 64 KiB of it. */
  traceback?: string;
  /** Whether its text was cut, as cloud-init cuts it at 1,023 characters. */
  truncated: boolean;
  records: number[];
}

/** What failed first. */
export interface FirstFailure {
  name: string;
  agent: string;
  id: string;
  /** The names from the root to it; of a longer path the last 32. */
  path: string[];
  /** When it failed. */
  time: Date;
  /** In seconds. */
  duration?: number;
  /** Why it failed: what its producer says, else its first event at level ERROR. */
  reason?: string;
  /** The messages of the causes of `reason`, the nearest first. */
  sources: string[];
  /** The names of the spans around it that failed with it, the nearest first; at most 32. */
  carried: string[];
}

/** A part of a pool that is not of the boot that a summary is of. */
export interface SummaryPart {
  records: number;
  /** The first and the last moment; absent if there is none. */
  start?: Date;
  end?: Date;
  vmIds: string[];
}

/** What an operator asks first of a pool: plain data that JSON can carry. */
export interface Summary {
  /**
   * By the provisioning report of the last boot. Without one: `'failure'` if a span failed and nothing around it went
   * well, `'unfinished'` if a span has no finish, `'success'` if a span without a parent went well.
   */
  outcome: 'success' | 'failure' | 'unfinished' | 'unknown';
  /** Why, in one sentence: what the report says, else what failed first or never ended. Absent for `'success'`. */
  reason?: string;
  report?: SummaryReport;
  firstFailure?: FirstFailure;
  /** Spans that failed. */
  failed: number;
  /** Spans without a finish. */
  unfinished: number;
  /** The first and the last moment of spans and events; absent if there are none. */
  start?: Date;
  end?: Date;
  /** From `start` to `end`, or longer if a span took longer by its own clock. */
  seconds: number;
  /** When the system was booted, if that is known. */
  bootTime?: Date;
  /** When the kernel started, by cloud-init's boot telemetry. */
  kernelStart?: Date;
  /** When userspace started, by cloud-init's boot telemetry. */
  userspaceStart?: Date;
  /** When cloud-init was activated, by its boot telemetry. */
  cloudInitStart?: Date;
  /** The ids of the VMs that wrote, the one with most records first. */
  vmIds: string[];
  /** The one with most records first. */
  writers: SummaryWriter[];
  /** Numbers of records: in all, of spans and events, of reports, others', and those that can't be interpreted. */
  records: { total: number; diagnostics: number; reports: number; unknown: number; problems: number };
  /** Records that can't be interpreted, by reason; 0 for what a damaged export may have had besides. */
  problems: { reason: ProblemReason; records: number }[];
  /** The three spans with most time of their own. */
  slowest: { name: string; agent: string; id: string; own: number; total: number }[];
  /** What is of boots before; absent if nothing is. */
  earlier?: SummaryPart;
  /** What is of other VMs; absent if nothing is. */
  otherVms?: SummaryPart;
  /** Defects of the file; absent if they were not looked for. */
  defects?: {
    count: number;
    /** The first one that the host stops reading at: it reads as many records as its number says. */
    stop?: Defect;
  };
  /** What writers said that they dropped: `fields` has the numbers by reason and level; what is nested too deep for JSON is a text. */
  dropped: { agent: string; message: string; fields: Record<string, unknown> }[];
}

/** Bytes of a traceback that are decoded. */
const TRACEBACK_MAX = 64 * 1024;
const NAMES_MAX = 32;
const SLOWEST = 3;

/**
 * Says how a boot went: outcome, reason, what failed first, what took long, who wrote, and what is of another boot or
 * VM. Give what `lastBoot` returns if you have that; its options are then not looked at.
 *
 * @example
 * ```ts
 * const { outcome, reason, seconds } = summarize(await readDiagnostics('pool'));
 * ```
 */
export function summarize(source: PoolContent | Boot, given?: SummaryOptions): Summary {
  const options = readOptions(SUMMARY_OPTIONS, given);
  const { bootTime: bootedAt, vmId } = options;
  const boot =
    'timeline' in Object(source)
      ? (source as Boot)
      : lastBoot(source as PoolContent, { bootTime: bootedAt, vmId });
  const { content, timeline, bootTime, kernelStart, userspaceStart, cloudInitStart } = boot;
  const { start, end, roots } = timeline;
  const report = content.reports.at(-1);
  const failures = failuresOf(roots);
  let unfinished = 0;
  let firstUnfinished: TimelineNode | undefined;
  const last = end?.getTime() ?? 0;
  let seconds = start ? (last - start.getTime()) / 1000 : 0;
  for (const { span } of spansOf(roots)) {
    if (start) seconds = Math.max(seconds, (endOf(span, last) - start.getTime()) / 1000);
    if (span.state !== 'unfinished') continue;
    unfinished++;
    firstUnfinished ??= span;
  }
  const outcome = outcomeOf(report, failures, firstUnfinished, roots);
  const firstFailure = firstFailureOf(failures);
  const reason = reasonOf(outcome, report, firstFailure, firstUnfinished);
  const parts = [content, boot.earlier, boot.otherVms];
  return {
    outcome,
    ...(reason !== undefined && { reason }),
    ...(report && { report: reportOf(report) }),
    ...(firstFailure && { firstFailure }),
    failed: failures.count,
    unfinished,
    ...(start && { start }),
    ...(end && { end }),
    seconds,
    ...(bootTime && { bootTime }),
    ...(kernelStart && { kernelStart }),
    ...(userspaceStart && { userspaceStart }),
    ...(cloudInitStart && { cloudInitStart }),
    vmIds: vmIdsOf([content]),
    writers: writersOf(content.diagnostics),
    records: recordsOf(parts),
    problems: problemsOf(content),
    slowest: ownTimes(timeline)
      .slice(0, SLOWEST)
      .map(({ span: { name, agent, id }, own, total }) => ({ name, agent, id, own, total })),
    ...partOf('earlier', boot.earlier),
    ...partOf('otherVms', boot.otherVms),
    ...(options.defects && { defects: defectsOf(options.defects) }),
    dropped: content.diagnostics
      .filter(({ kind, name }) => kind === 'event' && name === DROP_REPORT_NAME)
      .map(({ agent, message = '', fields }) => ({ agent, message, fields: jsonFields(fields) })),
  };
}

function outcomeOf(
  report: ReportRecord | undefined,
  { isFinal }: Failures,
  unfinished: TimelineNode | undefined,
  roots: readonly TimelineNode[],
): Summary['outcome'] {
  if (report?.result === 'success') return 'success';
  if (report?.result === 'error' || isFinal) return 'failure';
  if (unfinished !== undefined) return 'unfinished';
  return roots.some(({ result }) => result === 'success') ? 'success' : 'unknown';
}

function reasonOf(
  outcome: Summary['outcome'],
  report: ReportRecord | undefined,
  failure: FirstFailure | undefined,
  unfinished: TimelineNode | undefined,
): string | undefined {
  if (outcome === 'success' || outcome === 'unknown') return undefined;
  if (report?.reason !== undefined) return report.reason;
  const failed = failure && (failure.reason ?? `${failure.name} failed`);
  if (outcome === 'failure' || unfinished === undefined) return failed;
  return `${unfinished.name} did not end${failed === undefined ? '' : `; before that: ${failed}`}`;
}

function reportOf(record: ReportRecord): SummaryReport {
  const {
    result,
    reason,
    agent,
    vm_id: vmId,
    pps_type: ppsType,
    documentation_url: documentationUrl,
  } = record;
  const supportingData = Object.create(null) as Record<string, string>;
  for (const [name, text] of Object.entries(record)) {
    if (!isReportField(name) && name !== 'traceback_base64' && text !== undefined)
      supportingData[name] = text;
  }
  const packed = record['traceback_base64'];
  const time = reportTime(record);
  const members = { result, reason, agent, vmId, time, ppsType, documentationUrl };
  return {
    ...(Object.fromEntries(
      Object.entries(members).filter(([, value]) => value !== undefined),
    ) as typeof members),
    supportingData,
    ...(packed !== undefined && {
      traceback: Buffer.from(packed.slice(0, (TRACEBACK_MAX / 3) * 4), 'base64').toString('utf8'),
    }),
    truncated: record.truncated,
    records: record.records,
  } as SummaryReport;
}

function firstFailureOf({ first }: Failures): FirstFailure | undefined {
  if (first === undefined) return undefined;
  const { name, agent, id, start, end, duration, reason, sources = [], events } = first.span;
  const why =
    reason ?? events.find(({ level, message }) => level === 'ERROR' && message !== undefined)?.message;
  const carried: string[] = [];
  for (
    let each = first.parent;
    each?.span.result === 'fail' && carried.length < NAMES_MAX;
    each = each.parent
  ) {
    carried.push(each.span.name);
  }
  return {
    name,
    agent,
    id,
    path: pathOf(first),
    time: end ?? start,
    ...(duration !== undefined && { duration }),
    ...(why !== undefined && { reason: why }),
    sources,
    carried,
  };
}

function vmIdsOf(contents: readonly PoolContent[]): string[] {
  const counts = new Map<string, number>();
  // Most records are of the same VM as the one before.
  let last = '';
  let count = 0;
  const add = (vmId = '', records = 0): void => {
    if (vmId !== last) {
      if (last !== '') counts.set(last, (counts.get(last) ?? 0) + count);
      last = vmId;
      count = 0;
    }
    count += records;
  };
  for (const { diagnostics, reports } of contents) {
    for (const { vmId, records } of diagnostics) add(vmId, records.length);
    for (const { vm_id: vmId, records } of reports) add(vmId, records.length);
  }
  add();
  return [...counts].sort(([, one], [, other]) => other - one).map(([vmId]) => vmId);
}

function recordsOf(parts: readonly PoolContent[]): Summary['records'] {
  const counts = { diagnostics: 0, reports: 0, unknown: 0, problems: 0 };
  for (const part of parts) {
    counts.diagnostics += countOf(part.diagnostics);
    counts.reports += countOf(part.reports);
    counts.unknown += part.unknown.length;
    counts.problems += part.problems.reduce((sum, { raw }) => sum + raw.length, 0);
  }
  const { diagnostics, reports, unknown, problems } = counts;
  return { total: diagnostics + reports + unknown + problems, ...counts };
}

function countOf(items: readonly { records: readonly number[] }[]): number {
  return items.reduce((sum, { records }) => sum + records.length, 0);
}

function problemsOf({ problems }: PoolContent): Summary['problems'] {
  const counts = new Map<ProblemReason, number>();
  // Of what is damaged behind the last record of an export there is no record.
  for (const { reason, raw } of problems) counts.set(reason, (counts.get(reason) ?? 0) + raw.length);
  return Array.from(counts, ([reason, records]) => ({ reason, records }));
}

function partOf<Name extends 'earlier' | 'otherVms'>(
  name: Name,
  part: PoolContent,
): Partial<Record<Name, SummaryPart>> {
  const { diagnostics, reports } = part;
  const records = countOf(diagnostics) + countOf(reports);
  if (records === 0) return {};
  let first = Infinity;
  let last = -Infinity;
  for (const { time, end = time } of diagnostics) {
    first = Math.min(first, time.getTime());
    last = Math.max(last, end.getTime());
  }
  const range = first <= last ? { start: new Date(first), end: new Date(last) } : {};
  return { [name]: { records, ...range, vmIds: vmIdsOf([part]) } } as Record<Name, SummaryPart>;
}

function defectsOf(defects: readonly Defect[]): Required<Summary>['defects'] {
  const stop = defects.find(({ reason }) => reason === 'invalid_utf8');
  return { count: defects.length, ...(stop && { stop }) };
}
