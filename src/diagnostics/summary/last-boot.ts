import { type Checks, dateOption, readOptions, textOption, withLists } from '../../option.ts';
import { parseTimestamp } from '../collect/timestamp.ts';
import { type Diagnostic, firstRecord } from '../diagnostic.ts';
import type { PoolContent } from '../read/read-diagnostics.ts';
import { reportTime } from './report-time.ts';
import { type Timeline, timeline } from '../timeline/timeline.ts';
import { areOfTwoVms } from '../vm-id.ts';

/** What a pool's content is, for errors. */
export const CONTENT = 'what readDiagnostics() found';

export interface BootOptions {
  /** When the system was booted, if that is known from elsewhere. Default: what cloud-init recorded. */
  bootTime?: Date | undefined;
  /** The id of this VM; records of others are set apart. Default: nothing is. */
  vmId?: string | undefined;
}

export const BOOT_OPTIONS: Checks<BootOptions> = { bootTime: dateOption, vmId: textOption };

/** What a pool says of the last boot of a VM. */
export interface Boot {
  /** What was written in the last boot, and all whose time is not known. */
  content: PoolContent;
  /** What was written in boots before that. */
  earlier: PoolContent;
  /** What other VMs wrote, as in the image that a VM was made of. */
  otherVms: PoolContent;
  /** The spans and events of `content`. */
  timeline: Timeline;
  /** When the system was booted, if that is known. */
  bootTime?: Date;
  /** When the kernel started, by cloud-init's boot telemetry. */
  kernelStart?: Date;
  /** When userspace started, by cloud-init's boot telemetry. */
  userspaceStart?: Date;
  /** When cloud-init was activated, by its boot telemetry. */
  cloudInitStart?: Date;
}

/** Clocks are read at different moments and rounded differently, in milliseconds. */
const SLACK = 2000;

/**
 * Sets apart what a pool has of the last boot, of boots before it, and of other VMs. cloud-init records when the
 * system was booted; all else is of an earlier boot if its time is before that, or before `bootTime`. Nothing is if
 * neither is known.
 *
 * @example
 * ```ts
 * const { timeline } = lastBoot(await readDiagnostics('pool'));
 * console.log(renderTree(timeline));
 * ```
 */
export function lastBoot(content: PoolContent, options?: BootOptions): Boot {
  const { bootTime, vmId } = readOptions(BOOT_OPTIONS, options);
  withLists('content', content, CONTENT, 'diagnostics', 'reports');
  const isOwn = (id = ''): boolean => !areOfTwoVms(vmId ?? '', id);
  const [own, others] = parted(content.diagnostics, ({ vmId }) => isOwn(vmId));
  const [ownReports, otherReports] = parted(content.reports, ({ vm_id }) => isOwn(vm_id));

  const cloudInit = lastOfCloudInit(own);
  const isCloudInitOfIt =
    cloudInit !== undefined &&
    (bootTime === undefined || cloudInit.bootTime.getTime() >= bootTime.getTime() - SLACK);
  const telemetry = isCloudInitOfIt ? bootTelemetry(own.slice(cloudInit.index)) : {};
  const start = bootTime ?? telemetry.kernelStart ?? cloudInit?.bootTime;
  const anchor = isCloudInitOfIt ? firstRecord(own[cloudInit.index] as Diagnostic) : Infinity;
  const isBefore = (time: Date | undefined): boolean =>
    time !== undefined && start !== undefined && time.getTime() < start.getTime() - SLACK;
  // The clock may have been set meanwhile: what is behind a record of this boot is of this boot.
  const isFormer = (item: { records: readonly number[] }, time: Date | undefined): boolean =>
    firstRecord(item) < anchor && isBefore(time);
  const isEarlier = (diagnostic: Diagnostic, index: number): boolean => {
    if (diagnostic.bootTime !== undefined && cloudInit !== undefined) {
      return !isCloudInitOfIt || index < cloudInit.index;
    }
    return isFormer(diagnostic, diagnostic.end ?? diagnostic.time);
  };
  const [last, earlier] = parted(own, (diagnostic, index) => !isEarlier(diagnostic, index));
  const [lastReports, earlierReports] = parted(ownReports, (report) => !isFormer(report, reportTime(report)));
  return {
    content: { ...content, diagnostics: last, reports: lastReports },
    earlier: { diagnostics: earlier, reports: earlierReports, unknown: [], problems: [] },
    otherVms: { diagnostics: others, reports: otherReports, unknown: [], problems: [] },
    timeline: timeline(last),
    ...(start && { bootTime: start }),
    ...telemetry,
  };
}

/**
 * Where the last boot begins among cloud-init's records, and when that boot was. Each of its processes computes when
 * the system was booted by its clock, and the clock may be set between two of them. So another time is another boot
 * only if the system has been up for less long than before, or if a stage starts that was there before. The records of
 * its start may be lost.
 */
function lastOfCloudInit(diagnostics: readonly Diagnostic[]): { index: number; bootTime: Date } | undefined {
  let boot: { index: number; bootTime: Date } | undefined;
  let uptime = 0;
  /** The stages of which there was any record. */
  const seen = new Set<string>();
  diagnostics.forEach(({ kind, name, time, bootTime }, index) => {
    if (bootTime === undefined || bootTime.getTime() > time.getTime() + SLACK) return;
    if (boot === undefined || Math.abs(bootTime.getTime() - boot.bootTime.getTime()) > SLACK) {
      const up = time.getTime() - bootTime.getTime();
      if (boot === undefined || up < uptime || (kind === 'start' && isPast(name, seen))) {
        boot = { index, bootTime };
        seen.clear();
      } else boot.bootTime = bootTime;
      uptime = up;
    }
    seen.add(stageOf(name));
  });
  return boot;
}

/** The stages of a boot, in their order. Nothing is recorded before the first one starts. */
const STAGES = ['init-local', 'init-network', 'modules-config', 'modules-final'];

/** The stage whose span, or one below it, has this name. */
function stageOf(name: string): string {
  return name.split('/', 1)[0] ?? name;
}

/** Whether a boot with records of these stages can't start the span `name` any more. */
function isPast(name: string, seen: ReadonlySet<string>): boolean {
  if (name.includes('/')) return false;
  const place = STAGES.indexOf(name);
  return place === 0 || seen.has(name) || (place > 0 && STAGES.slice(place).some((stage) => seen.has(stage)));
}

/** What cloud-init's boot telemetry says (`get_boot_telemetry` of cloudinit/sources/helpers/azure.py). */
function bootTelemetry(
  diagnostics: readonly Diagnostic[],
): Pick<Boot, 'kernelStart' | 'userspaceStart' | 'cloudInitStart'> {
  const event = diagnostics.findLast(
    ({ format, kind, name }) => format === 'cloud-init' && kind === 'event' && name === 'boot-telemetry',
  );
  const times: Pick<Boot, 'kernelStart' | 'userspaceStart' | 'cloudInitStart'> = {};
  for (const [member, name] of [
    ['kernelStart', 'kernel_start'],
    ['userspaceStart', 'user_start'],
    ['cloudInitStart', 'cloudinit_activation'],
  ] as const) {
    const [, text = ''] = new RegExp(`(?:^|\\s)${name}=(\\S{1,40})`).exec(event?.message ?? '') ?? [];
    const time = parseTimestamp(text);
    if (event && time && time.getTime() <= event.time.getTime() + SLACK) times[member] = time;
  }
  return times;
}

function parted<T>(items: readonly T[], isFirst: (item: T, index: number) => boolean): [T[], T[]] {
  const parts: [T[], T[]] = [[], []];
  items.forEach((item, index) => parts[isFirst(item, index) ? 0 : 1].push(item));
  return parts;
}
