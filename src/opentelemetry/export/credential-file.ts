import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { OptionError } from '../../errors.ts';

/** A bundle of all certificates of a system has a quarter of a megabyte. */
const BYTES_MAX = 1024 * 1024;

/**
 * Reads the certificate or key that the variable `option` names, following links. Throws `OptionError` for anything but
 * a regular file of at most 1 MiB, and the system's error. Never waits.
 */
export function credentialFile(option: string, path: string): Buffer {
  // Checked before it is opened: opening and closing a FIFO would break its writer, and opening a device may act.
  check(option, path, statSync(path));
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    check(option, path, fstatSync(fd));
    // Of a file in /proc the size is not known before, and another may grow.
    const bytes = Buffer.allocUnsafe(BYTES_MAX + 1);
    let size = 0;
    for (let read = -1; read !== 0 && size <= BYTES_MAX; size += read) {
      read = readSync(fd, bytes, size, bytes.length - size, null);
    }
    if (size > BYTES_MAX) throw refused(option, path, 'it is larger');
    return Buffer.from(bytes.subarray(0, size));
  } finally {
    closeSync(fd);
  }
}

function check(option: string, path: string, stat: Stats): void {
  if (!stat.isFile()) throw refused(option, path, `it is ${kindOf(stat)}`);
  if (stat.size > BYTES_MAX) throw refused(option, path, `it has ${stat.size} bytes`);
}

function refused(option: string, path: string, why: string): OptionError {
  return new OptionError(option, path, `the path of a regular file of at most ${BYTES_MAX} bytes (${why})`);
}

function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a FIFO';
  return stat.isSocket() ? 'a socket' : 'a device';
}
