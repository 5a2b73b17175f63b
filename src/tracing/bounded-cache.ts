/** How many entries a cache has. A program has as many names as its source, unless it makes them up as it goes. */
const ENTRIES_MAX = 1024;
/** How long a key is, in UTF-16 units, unless a cache says otherwise. */
const KEY_MAX = 128;

export interface BoundedCacheOptions {
  /** How long a key is at most, in UTF-16 units. Default `128`. */
  keyMax?: number;
  /**
   * What happens to a new entry when the cache has 1,024. `'clear'`: all others are removed first, so that a program
   * that changes its names is fast again. `'refuse'`: it is not kept, for entries that own what is never released.
   * Default `'clear'`.
   */
  whenFull?: 'clear' | 'refuse';
}

/**
 * What was made of texts of the program, by the text: names, targets, messages. Holds at most 1,024 entries with short
 * keys, so whatever the program says, memory stays bounded. A longer key is never kept.
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
   * Makes the value of a key, keeps it if there is room, in place of what the key had, and returns it. `make` hears
   * whether it will be kept; the key that it gets is a copy then, which keeps no longer text alive.
   */
  add(key: string, make: (key: string, isKept: boolean) => V): V {
    const isNew = !this.#entries.has(key);
    const isFull = isNew && this.#entries.size >= ENTRIES_MAX;
    if (key.length > this.#keyMax || !key.isWellFormed() || (isFull && this.#refusesWhenFull))
      return make(key, false);
    const own = flatCopy(key);
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
 * A copy of a well-formed text to be kept. V8 keeps what was put together as its pieces, which are read one by one
 * each time, and what was cut out of a text as a reference to all of that text.
 */
export function flatCopy(text: string): string {
  return Buffer.from(text).toString();
}
