import type { Boot } from './last-boot.ts';

/** The kernel's start is where times are counted from if it is not longer ago, in milliseconds. */
const KERNEL_MAX = 24 * 3_600_000;

/** Where the times of a boot are counted from, in milliseconds since 1970: the kernel's start, else the first moment. */
export function originOf({ kernelStart, timeline: { start } }: Boot): number | undefined {
  if (kernelStart === undefined || start === undefined) return start?.getTime();
  const before = start.getTime() - kernelStart.getTime();
  return before >= 0 && before <= KERNEL_MAX ? kernelStart.getTime() : start.getTime();
}

/** What the system did before the agents ran. */
export interface BootPhase {
  name: string;
  /** In milliseconds since 1970. */
  from: number;
  to: number;
}

/** What the system did between the kernel's start and the agents; nothing where that start is not known. */
export function bootPhases(boot: Boot): BootPhase[] {
  const kernel = originOf(boot);
  if (kernel === undefined || kernel !== boot.kernelStart?.getTime()) return [];
  const userspace = boot.userspaceStart?.getTime();
  const agents = boot.cloudInitStart?.getTime() ?? boot.timeline.start?.getTime() ?? kernel;
  return userspace !== undefined && userspace >= kernel && userspace <= agents
    ? [
        { name: 'kernel', from: kernel, to: userspace },
        { name: 'userspace', from: userspace, to: agents },
      ]
    : [{ name: 'kernel and userspace', from: kernel, to: Math.max(kernel, agents) }];
}
