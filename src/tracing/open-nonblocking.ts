import { constants, fstatSync, openSync } from 'node:fs';

/**
 * A descriptor for the same output whose writes never block. A pipe or terminal is opened a second time, because
 * other processes share the open file and it must stay as it is. A file never blocks, and is not opened again:
 * two positions would overwrite each other. Returns `fd` itself where there is no other. Never throws.
 */
export function openNonblocking(fd: number): number {
  try {
    // After a stat of a pipe without `bigint`, `realpathSync` of Node.js 20 takes folders for pipes and resolves
    // packages that are links to the wrong place.
    const stat = fstatSync(fd, { bigint: true });
    if (stat.isFIFO() || stat.isCharacterDevice()) {
      const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
      return openSync(`/proc/self/fd/${fd}`, flags);
    }
    // A socket, as of systemd's journal, can't be opened again; Node.js sets its own streams to nonblocking.
    if (stat.isSocket() && fd === 2) return process.stderr.fd;
    if (stat.isSocket() && fd === 1) return process.stdout.fd;
    return fd;
  } catch {
    return fd;
  }
}
