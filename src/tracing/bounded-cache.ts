/** How many entries a cache has at most. Only programs that generate names have more. */
const ENTRIES_MAX = 1024;
/** How long a key is at most by default, in UTF-16 units. */
const KEY_MAX = 128;

export interface BoundedCacheOptions {
  /** How long a key is at most, in UTF-16 units. Default `128`. */
  keyMax?: number;
  /**
   * What happens when a new entry meets a full cache. `'clear'`: all entries are removed first, so a program whose
   * names change becomes fast again. `'refuse'`: the new entry is not kept; for values that hold something that is
   * never released. Default `'clear'`.
   */
  whenFull?: 'clear' | 'refuse';
}

/**
 * Keeps values by texts of the program: names, targets, messages. It has at most 1,024 entries and never keeps a long
 * key, so its memory is bounded whatever the texts are.
 */
export class BoundedCache<V> {
  readonly #entries = new Map<string, V>();
  readonly #keyMax: number;
  readonly #refusesWhenFull: boolean;

  constructor({ keyMax = KEY_MAX, whenFull = 'clear' }: BoundedCacheOptions = {}) {
    this.#keyMax = keyMax;
    this.#refusesWhenFull = whenFull === 'refuse';
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  /**
   * Makes the value of a key and returns it. The value is kept if it may be, in place of an earlier one. `make` gets
   * a copy of the key if it is kept, so that the value does not keep alive a long text that the key is a part of.
   */
  add(key: string, make: (key: string, isKept: boolean) => V): V {
    const isNew = !this.#entries.has(key);
    const isFull = isNew && this.#entries.size >= ENTRIES_MAX;
    if (key.length > this.#keyMax || !key.isWellFormed() || (isFull && this.#refusesWhenFull))
      return make(key, false);
    const own = nameCopy(key);
    const value = make(own, true);
    if (isFull) this.#entries.clear();
    this.#entries.set(own, value);
    return value;
  }

  clear(): void {
    this.#entries.clear();
  }
}

/**
 * A copy of a well-formed text. V8 stores a concatenation as its pieces, which are slower to read, and a slice as a
 * reference to the whole text, which it keeps alive.
 */
export function flatCopy(text: string): string {
  return Buffer.from(text).toString();
}

/**
 * The copy of a well-formed text that V8 shares with all literals and names of members. It is told from theirs by its
 * address, while two other texts of the same length are read to the end.
 */
export function nameCopy(text: string): string {
  return Object.keys({ [flatCopy(text)]: true })[0] as string;
}
