import type { GlobalOptions } from '../global-options.ts';
import { printNote } from '../output.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Lets work that a signal would break off end at a good moment; a second signal ends the process at once. */
export class Interruption {
  #signal: NodeJS.Signals | undefined;
  readonly #listener: (signal: NodeJS.Signals) => void;

  constructor(options: GlobalOptions) {
    this.#listener = (signal) => {
      this.#signal = signal;
      this.release();
      printNote(
        'interrupted: waiting for the answer to what is being sent; once more ends it at once',
        options,
      );
    };
    for (const name of SIGNALS) process.on(name, this.#listener);
  }

  get isAsked(): boolean {
    return this.#signal !== undefined;
  }

  /** Takes the listeners away. */
  release(): void {
    for (const name of SIGNALS) process.off(name, this.#listener);
  }

  /** Ends the process as the signal would have, if one came. */
  end(): void {
    this.release();
    if (this.#signal !== undefined) process.kill(process.pid, this.#signal);
  }
}
