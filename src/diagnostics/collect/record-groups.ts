import type { ParseFailure } from '../collector.ts';

/** A record of a payload with several records. */
interface Member {
  /** Its number in the pool. */
  index: number;
  /** The number of its chunk; `undefined` if that is not decimal. */
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

  /** The numbers of the records in the order of their chunks, whose numbers must run from 0. */
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

/** Groups of records by the part of the key that they share, in the order of their first records. */
export class Groups {
  /** Most payloads are a single chunk, number 0: only the number of its record is kept. */
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

  forEach(visit: (key: string, group: Group) => void): void {
    this.#groups.forEach((members, key) => visit(key, new Group(members)));
  }
}
