import { constants, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { OptionError, TooLargeError } from '../../errors.ts';
import { thrownBySystem } from '../../pool/system-error.ts';

/** Bytes of one read. The size of a file in /proc is not known before. */
const PART = 64 * 1024;

/**
 * Reads a regular file, following links. Throws `TooLargeError` for more than `maxBytes`, `OptionError` for
 * anything but a regular file, and `IoError`; never waits for a writer.
 */
export async function artifactFile(given: string, maxBytes: number): Promise<Buffer> {
  let path = given;
  try {
    // Now: the program may change its working directory while this waits.
    if (path !== '') path = resolve(path);
    // Checked before it is opened: opening and closing a FIFO would break its writer, and opening a device may act.
    checkFile(path, await stat(path), maxBytes);
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      checkFile(path, await file.stat(), maxBytes);
      const parts: Buffer[] = [];
      let size = 0;
      while (size <= maxBytes) {
        const part = Buffer.allocUnsafe(Math.min(PART, maxBytes + 1 - size));
        const { bytesRead } = await file.read(part, 0, part.length, null);
        if (bytesRead === 0) return Buffer.concat(parts, size);
        parts.push(part.subarray(0, bytesRead));
        size += bytesRead;
      }
      throw tooLarge(path, Math.max(size, (await file.stat()).size), maxBytes);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    throw thrownBySystem((thrown as NodeJS.ErrnoException).syscall ?? 'read', path, thrown);
  }
}

function checkFile(path: string, stat: Stats, maxBytes: number): void {
  if (!stat.isFile()) throw new OptionError('source', path, 'bytes or the path of a regular file');
  if (stat.size > maxBytes) throw tooLarge(path, stat.size, maxBytes);
}

function tooLarge(path: string, size: number, maxBytes: number): TooLargeError {
  return new TooLargeError(`${path} has ${size} bytes; the limit is ${maxBytes} (maxBytes)`, { path });
}
