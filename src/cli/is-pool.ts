import { NotAPoolFileError } from '../errors.ts';
import { KEY_SIZE, RECORD_SIZE } from '../pool/limits.ts';

/** Records that are looked at. */
const EXAMINED_MAX = 16;

/**
 * Throws `NotAPoolFileError` if bytes are no pool's: if fewer than half of the first records have a key and a NUL behind
 * it and behind the value. A damaged pool is still one.
 */
export function checkIsPool(bytes: Buffer, path: string): void {
  if (bytes.length === 0) return;
  let examined = 0;
  let good = 0;
  // Of a file that is shorter than a record the key is looked at.
  do {
    if (isRecord(bytes.subarray(examined * RECORD_SIZE, (examined + 1) * RECORD_SIZE))) good++;
    examined++;
  } while (examined < EXAMINED_MAX && (examined + 1) * RECORD_SIZE <= bytes.length);
  if (good * 2 >= examined) return;
  const shown = path === '-' ? 'the standard input' : path;
  const rule = `it has no records of ${RECORD_SIZE} bytes with a key and a value`;
  throw new NotAPoolFileError('ERR_KVP_NOT_A_POOL_FILE', `${shown} is no pool: ${rule}`);
}

/** Whether a key and a value end within their fields, and the key is a text or has nothing but zeros behind it. */
function isRecord(record: Buffer): boolean {
  const keyEnd = record.indexOf(0);
  const valueEnd = record.indexOf(0, KEY_SIZE);
  if (keyEnd <= 0 || keyEnd >= KEY_SIZE || (valueEnd < 0 && record.length === RECORD_SIZE)) return false;
  const isText = /^[ -~\x80-\xff]+$/.test(record.toString('latin1', 0, keyEnd));
  return isText || record.subarray(keyEnd, KEY_SIZE).every((byte) => byte === 0);
}
