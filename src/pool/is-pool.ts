import { NotAPoolFileError } from '../errors.ts';
import { RECORD_SIZE } from './limits.ts';
import { placesOf, Shape } from './shape.ts';

/**
 * Throws `NotAPoolFileError` if bytes are no pool's: if there is no record where it is looked for, or less than half of
 * that can stand in a pool. What damage left of a pool is still one, and is read.
 */
export function checkIsPool(bytes: Buffer, path: string): void {
  if (bytes.length === 0) return;
  const shape = new Shape(false);
  const places = placesOf(0, bytes.length);
  const admitted = places.filter(({ at, length }) => shape.admits(bytes.subarray(at, at + length)));
  if (shape.isKnown && admitted.length * 2 >= places.length) return;
  const shown = path === '-' ? 'the standard input' : path;
  const rule = `it has no records of ${RECORD_SIZE} bytes with a key and a value`;
  throw new NotAPoolFileError('ERR_KVP_NOT_A_POOL_FILE', `${shown} is no pool: ${rule}`);
}
