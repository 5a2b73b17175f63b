import { KEY_SIZE, RECORD_SIZE } from './limits.ts';

// The counterpart of shape.rs.

/** The most records that one look reads. */
const LOOKS = 16;
const NULS = Buffer.alloc(RECORD_SIZE);
const ESCAPE = 0x1b;
const WHITESPACE = [0x09, 0x0a, 0x0d];

/** A part of a file. */
interface Place {
  at: number;
  length: number;
}

/**
 * Where to look in the bytes from `from`, where a record begins, to `size`: at most 16 records, spread evenly,
 * the first and the last among them, and all of a partial record at the end.
 */
export function placesOf(from: number, size: number): Place[] {
  const records = Math.floor(Math.max(0, size - from) / RECORD_SIZE);
  const looks = Math.min(records, LOOKS);
  const nth = (look: number) => (looks === 1 ? 0 : Math.floor((look * (records - 1)) / (looks - 1)));
  const places = Array.from({ length: looks }, (_, look) => ({
    at: from + nth(look) * RECORD_SIZE,
    length: RECORD_SIZE,
  }));
  const tail = size % RECORD_SIZE;
  if (tail > 0) places.push({ at: size - tail, length: tail });
  return places;
}

/** Tells a pool, which has no header, from other files, by the pieces at `placesOf`, shown in their order. */
export class Shape {
  #isKnown: boolean;

  /** `isKnown` if records were seen before these pieces. */
  constructor(isKnown: boolean) {
    this.#isKnown = isKnown;
  }

  /** Whether a record was seen: what follows may be what damage leaves of records. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Whether the piece, a record or what there is of the last one, can stand in a pool. */
  admits(piece: Buffer): boolean {
    if (this.#isKnown) return isBeginning(piece) || isDamaged(piece);
    this.#isKnown = isBeginning(piece);
    return this.#isKnown || (piece.length === RECORD_SIZE && (isNul(piece) || isEndless(piece)));
  }
}

/** Whether the piece begins as a record does: a key, and NULs to the end of its field. */
function isBeginning(piece: Buffer): boolean {
  const key = piece.subarray(0, KEY_SIZE);
  const end = key.indexOf(0);
  if (end === 0) return false;
  if (end > 0) return isNul(key.subarray(end)) || isReused(key);
  // A key that some program cut at the end of its field.
  return piece.length === RECORD_SIZE && isEndless(key) && isPadded(piece.subarray(KEY_SIZE));
}

/**
 * Whether `hv_kvp_daemon` may have left this key: it puts a new key over an older, longer one, the end of
 * which stays behind the new one's NUL.
 */
function isReused(key: Buffer): boolean {
  if (key.length < KEY_SIZE || !isNul(key.subarray(KEY_SIZE / 2))) return false;
  return !key.subarray(0, KEY_SIZE / 2).some((byte) => byte !== 0 && isControl(byte));
}

/**
 * Whether damage may have made this of records: the end of one and the beginning of another, or fields without
 * their NUL.
 */
function isDamaged(piece: Buffer): boolean {
  if (!piece.includes(0)) {
    return (piece.length === RECORD_SIZE || piece.length < KEY_SIZE) && isEndless(piece);
  }
  return piece.every(
    (byte) => byte === 0 || byte === ESCAPE || WHITESPACE.includes(byte) || !isControl(byte),
  );
}

/** Whether a text goes on to the end without a NUL, on one line. */
function isEndless(field: Buffer): boolean {
  return !field.some(isControl);
}

/** Whether a text is followed by NULs. */
function isPadded(field: Buffer): boolean {
  const end = field.indexOf(0);
  return end > 0 && isNul(field.subarray(end));
}

function isControl(byte: number): boolean {
  return byte < 0x20;
}

function isNul(bytes: Buffer): boolean {
  return bytes.equals(NULS.subarray(0, bytes.length));
}
