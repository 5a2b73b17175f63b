import { constants, fstatSync, openSync } from 'node:fs';

/**
 * A descriptor for the same output whose writes never block. A pipe or terminal is opened a second time, because
 * other processes share the open file and it must stay as it is. A file never blocks, and is not opened again:
 * two positions would overwrite each other. A socket, as of systemd's journal, can't be opened again: `set` makes its
 * writes nonblocking if it can, else a stream of Node.js does, whose loading takes 4 to 6 ms. Returns `fd` itself where
 * there is no other. Never throws.
 */
export function openNonblocking(fd: number, set: (fd: number) => boolean = () => false): number {
  try {
    // After a stat of a pipe without `bigint`, `realpathSync` of Node.js 20 takes folders for pipes and resolves
    // packages that are links to the wrong place.
    const stat = fstatSync(fd, { bigint: true });
    if (stat.isFIFO() || stat.isCharacterDevice()) {
      const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
      return openSync(`/proc/self/fd/${fd}`, flags);
    }
    if (!stat.isSocket() || (fd !== 1 && fd !== 2) || set(fd)) return fd;
    return fd === 2 ? process.stderr.fd : process.stdout.fd;
  } catch {
    return fd;
  }
}
