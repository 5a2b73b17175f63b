import { readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs';

/** When this system was booted, in seconds since 1970; `undefined` if that is not known. */
export function bootTime(): number | undefined {
  try {
    const line = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'));
    return line === null ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}

/** The first PID namespace (Linux include/linux/proc_ns.h, PROC_PID_INIT_INO). */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]';
/** The type of a sysfs (Linux include/uapi/linux/magic.h, SYSFS_MAGIC). */
const SYSFS = 0x62656572;

/**
 * What was changed before this time, in seconds since 1970, is of an earlier boot; `undefined` if that can't be
 * told. `btime` moves with the clock, which is set forward early in a boot and when a suspended VM resumes. The
 * time of `/sys` does not: the kernel sets it when it mounts it, in a container later than the system's boot.
 */
export function staleBefore(): number | undefined {
  try {
    if (readlinkSync('/proc/self/ns/pid') !== FIRST_PID_NAMESPACE) return undefined;
    if (statfsSync('/sys').type !== SYSFS) return undefined;
    const boot = bootTime();
    return boot === undefined ? undefined : Math.min(boot, Math.floor(statSync('/sys').mtimeMs / 1000));
  } catch {
    return undefined;
  }
}
