import type { GlobalOptions } from './global-options.ts';

const BAR_WIDTH = 24;
/** Milliseconds between two of its pictures. */
const PAUSE = 100;
/** Columns of a terminal that says none. */
const COLUMNS = 80;

/** A bar on stderr while something takes long; nothing where stderr is no terminal, or with `--quiet`. */
export class Progress {
  readonly #total: number;
  readonly #what: string;
  readonly #isShown: boolean;
  #shownAt = -Infinity;

  constructor(total: number, what: string, { quiet = false }: GlobalOptions) {
    this.#total = total;
    this.#what = what;
    this.#isShown = !quiet && process.stderr.isTTY === true;
  }

  /** Shows how many are done; `more` is what else there is to say. */
  show(done: number, more = ''): void {
    const now = performance.now();
    if (!this.#isShown || now - this.#shownAt < PAUSE) return;
    this.#shownAt = now;
    const cells = this.#total === 0 ? BAR_WIDTH : Math.floor((done / this.#total) * BAR_WIDTH);
    const bar = `${'#'.repeat(cells)}${'.'.repeat(BAR_WIDTH - cells)}`;
    const text = `[${bar}] ${done} of ${this.#total} ${this.#what}${more}`;
    // A serial console has 0 columns: it does not know how many.
    const width = process.stderr.columns || COLUMNS;
    process.stderr.write(`\r${text.slice(0, Math.max(1, width - 1))}\x1b[K`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (!this.#isShown || this.#shownAt === -Infinity) return;
    this.#shownAt = -Infinity;
    process.stderr.write('\r\x1b[K');
  }
}
