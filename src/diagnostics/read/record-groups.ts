import type { ParseFailure } from './collector.ts';

/** One record of a payload that has several. */
interface Member {
  /** Which record of the pool. */
  index: number;
  /** Its place in the payload; `undefined` where that is no number. */
  chunk: number | undefined;
}

/** The records of one payload, in the order of the pool. */
export class Group {
  readonly #members: number | Member[];

  constructor(members: number | Member[]) {
    this.#members = members;
  }

  get records(): number[] {
    return typeof this.#members === 'number' ? [this.#members] : this.#members.map(({ index }) => index);
  }

  /** The numbers of the records by their chunk index, which must run from 0. */
  inOrder(): number[] | ParseFailure {
    const members = this.#members;
    if (typeof members === 'number') return [members];
    const chunks: number[] = [];
    const seen = new Set<number>();
    for (const { index, chunk } of members) {
      if (chunk === undefined) {
        return { reason: 'malformed', message: 'the number of the chunk is not decimal' };
      }
      if (seen.has(chunk)) {
        return { reason: 'duplicate_chunk', message: `chunk ${chunk} is there more than once` };
      }
      seen.add(chunk);
      if (chunk < members.length) chunks[chunk] = index;
    }
    const missing = members.findIndex((_, chunk) => !seen.has(chunk));
    if (missing < 0) return chunks;
    return { reason: 'incomplete_group', message: `chunk ${missing} is missing` };
  }
}

/** Records by what their keys share, in the order of their first records. */
export class Groups {
  /** Most payloads are a single chunk, the first: for those the record's number is all there is to keep. */
  readonly #groups = new Map<string, number | Member[]>();

  add(key: string, index: number, chunk: number | undefined): void {
    const known = this.#groups.get(key);
    if (known === undefined) this.#groups.set(key, chunk === 0 ? index : [{ index, chunk }]);
    else if (typeof known !== 'number') known.push({ index, chunk });
    else {
      this.#groups.set(key, [
        { index: known, chunk: 0 },
        { index, chunk },
      ]);
    }
  }

  *[Symbol.iterator](): Generator<[key: string, group: Group]> {
    for (const [key, members] of this.#groups) yield [key, new Group(members)];
  }
}
