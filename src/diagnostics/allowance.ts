/** Bytes of memory that what is read of a pool may take, besides the pool itself: so many and */
const BASE = 128 * 1024 * 1024;
/** so many for each byte of the pool. A small file must not fill its reader's memory. */
const FACTOR = 8;

/** What reading one pool may still cost, by estimates that are not too low. */
export class Allowance {
  readonly #whole: number;
  #left: number;

  /** For a pool of so many bytes. */
  constructor(size: number) {
    this.#whole = BASE + FACTOR * size;
    this.#left = this.#whole;
  }

  get left(): number {
    return this.#left;
  }

  /** Takes so many bytes, or none if fewer are left; returns whether it did. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** Takes so many bytes, or all that are left. */
  spend(bytes: number): void {
    this.#left = Math.max(0, this.#left - bytes);
  }

  /** Takes an eighth of so many bytes, of which nothing is kept, but which took time. */
  waste(bytes: number): void {
    this.spend(bytes / 8);
  }

  /** Runs `act`; if it throws, what it took counts as wasted. */
  attempt<R>(act: () => R): R {
    const before = this.#left;
    try {
      return act();
    } catch (thrown) {
      const taken = before - this.#left;
      this.#left = before;
      this.waste(taken);
      throw thrown;
    }
  }

  /** Why something can't be read. */
  get exceeded(): string {
    return `reading it would need more memory than a pool of this size may: ${this.#whole} bytes`;
  }
}
