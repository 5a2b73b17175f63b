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
  readonly #keys: string[] = [];
  /** Most payloads are a single chunk, number 0: only the number of its record is kept. */
  readonly #members: (number | Member[])[] = [];
  readonly #places = new Map<string, number>();
  readonly #alike: Uint32Array | undefined;
  /** The same by the number of the first record. */
  readonly #placesOfFirst: Uint32Array;

  /** `alike` says of each record which is the first that shares this part with it; else the texts are compared. */
  constructor(alike?: Uint32Array) {
    this.#alike = alike;
    this.#placesOfFirst = new Uint32Array(alike?.length ?? 0);
  }

  add(key: string, index: number, chunk: number | undefined): void {
    const place = this.#alike === undefined ? this.#placeOf(key) : this.#placeAlike(this.#alike, index);
    const known = this.#members[place];
    if (known === undefined) {
      this.#keys.push(key);
      this.#members.push(chunk === 0 ? index : [{ index, chunk }]);
    } else if (typeof known !== 'number') known.push({ index, chunk });
    else {
      this.#members[place] = [
        { index: known, chunk: 0 },
        { index, chunk },
      ];
    }
  }

  forEach(visit: (key: string, group: Group) => void): void {
    this.#members.forEach((members, place) => visit(this.#keys[place] as string, new Group(members)));
  }

  #placeOf(key: string): number {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.#keys.length);
    return this.#keys.length;
  }

  #placeAlike(alike: Uint32Array, index: number): number {
    const first = alike[index] as number;
    if (first === index) this.#placesOfFirst[index] = this.#keys.length;
    return this.#placesOfFirst[first] as number;
  }
}
