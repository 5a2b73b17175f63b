import { NotAPoolFileError } from '../errors.ts';
import { RECORD_SIZE } from './limits.ts';
import { placesOf, Shape } from './shape.ts';

/**
 * Whether bytes are a pool's: there is a record where it is looked for, and at least half of that can stand in a pool.
 * What damage left of a pool is still one, and is read. The beginning of a record at the end, which a single letter in
 * UTF-16 may be, is enough only where nothing else is.
 */
export function isPool(bytes: Uint8Array): boolean {
  const pool = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = new Shape(false);
  const places = placesOf(0, pool.length);
  let hasRecord = pool.length < RECORD_SIZE;
  const admitted = places.filter(({ at, length }) => {
    const isAdmitted = shape.admits(pool.subarray(at, at + length));
    if (length === RECORD_SIZE) hasRecord ||= shape.isKnown;
    return isAdmitted;
  });
  return pool.length === 0 || (hasRecord && shape.isKnown && admitted.length * 2 >= places.length);
}

/** Throws `NotAPoolFileError` if bytes are no pool's. */
export function checkIsPool(bytes: Uint8Array, path: string): void {
  if (isPool(bytes)) return;
  const shown = path === '-' ? 'the standard input' : path;
  const rule = `it has no records of ${RECORD_SIZE} bytes with a key and a value`;
  throw new NotAPoolFileError('ERR_KVP_NOT_A_POOL_FILE', `${shown} is no pool: ${rule}`);
}
