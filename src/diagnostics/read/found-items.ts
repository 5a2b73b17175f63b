import { READ_MAX, RECORD_SIZE } from '../../pool/limits.ts';
import type { PoolRecord } from '../../pool/record.ts';

/** Records that are read: as many as the largest pool has. */
const RECORDS_MAX = Math.floor(READ_MAX / RECORD_SIZE);
/** Damaged places after which the rest is not read: looking for what is sound takes time. */
const DAMAGES_MAX = 1000;

/** Ends reading. */
class TooManyError extends Error {}

/** What is found in a text that stands for a pool. */
export class FoundItems {
  readonly records: PoolRecord[] = [];
  #first: string | undefined;
  #damages = 0;

  /** Has `read` find things in `text`. */
  constructor(text: string, read: (text: string, found: FoundItems) => void) {
    try {
      read(text, this);
    } catch (error) {
      if (!(error instanceof TooManyError)) throw error;
      this.#first ??= error.message;
    }
  }

  /** Damaged places. */
  get damages(): number {
    return this.#damages;
  }

  /** What is damaged, as a sentence. */
  get damage(): string | undefined {
    const others = this.#damages - 1;
    return others > 0 ? `${this.#first} (and ${others} more)` : this.#first;
  }

  add(record: PoolRecord): void {
    if (this.records.length === RECORDS_MAX) {
      this.#damages++;
      throw new TooManyError(
        `there are more than ${RECORDS_MAX} records, which is more than a pool may have`,
      );
    }
    this.records.push(record);
  }

  /** Adds a damaged place; `why` continues a sentence. */
  spoil(form: 'XML' | 'JSON', why: string): void {
    const last = this.records.length - 1;
    const place = last < 0 ? '' : `, behind record ${last}`;
    this.refuse(`the ${form} of the records is damaged: ${why}${place}`);
  }

  /** Adds a damaged place, by a whole sentence. */
  refuse(sentence: string): void {
    this.#first ??= sentence;
    if (++this.#damages === DAMAGES_MAX) throw new TooManyError();
  }
}
