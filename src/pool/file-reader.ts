import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { wallMillis } from '../tracing/timers.ts';
import { RECORD_SIZE } from './limits.ts';

/** Larger files are read otherwise. */
const SIZE_MAX = 16 * 1024 * 1024;
/** Milliseconds without a change after which nobody is taken to be in the middle of an append. */
const STILL_AFTER = 10_000;

/** Reads one file after the other into the same memory, because new memory for each costs as much as reading. */
export class FileReader {
  #buffer = Buffer.alloc(0);

  /**
   * The bytes of a regular file, which are valid until the next call. `undefined` for what takes a closer look: a file
   * that can't be read, is large, or may be in the middle of a change.
   */
  read(path: string): Buffer | undefined {
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    } catch {
      return undefined;
    }
    try {
      const before = fstatSync(fd);
      const { size, mtimeMs } = before;
      if (!before.isFile() || size > SIZE_MAX) return undefined;
      if (size % RECORD_SIZE !== 0 && wallMillis() - mtimeMs < STILL_AFTER) return undefined;
      if (this.#buffer.length < size) this.#buffer = Buffer.allocUnsafe(size);
      let end = 0;
      for (let read = -1; read !== 0 && end < size; end += read) {
        read = readSync(fd, this.#buffer, end, size - end, end);
      }
      const after = fstatSync(fd);
      const isSame = end === size && after.size === size && after.mtimeMs === mtimeMs;
      return isSame ? this.#buffer.subarray(0, size) : undefined;
    } catch {
      return undefined;
    } finally {
      closeSync(fd);
    }
  }
}
