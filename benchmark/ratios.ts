/** The ratios that a run measured, beside those kept in the repository. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../benchmark/ratios.json', import.meta.url));

/** A ratio may be worse than the one kept by so much before `--check` fails. */
const TOLERANCE = 4 / 3;

/** Of each writer: what was measured, by name; rates are better when higher, costs when lower. */
type Kept = Record<string, Record<string, { cost?: number; rate?: number }>>;

export class Ratios {
  readonly #backend: string;
  readonly #measured: Kept[string] = {};

  constructor(backend: string) {
    this.#backend = backend;
  }

  /** A ratio that is better when it is lower. */
  cost(name: string, ratio: number): string {
    return this.#add(name, { cost: rounded(ratio) }, ratio);
  }

  /** A ratio that is better when it is higher. */
  rate(name: string, ratio: number): string {
    return this.#add(name, { rate: rounded(ratio) }, ratio);
  }

  #add(name: string, entry: { cost?: number; rate?: number }, ratio: number): string {
    this.#measured[name] = entry;
    return ratio.toFixed(2);
  }

  save(): void {
    const kept = { ...read(), [this.#backend]: this.#measured };
    writeFileSync(FILE, `${JSON.stringify(kept, undefined, 2)}\n`);
  }

  /** What is worse by a third than the ratio kept. */
  regressions(): string[] {
    const kept = read()[this.#backend] ?? {};
    return Object.entries(this.#measured).flatMap(([name, { cost, rate }]) => {
      const before = kept[name];
      const isWorse =
        (cost !== undefined && before?.cost !== undefined && cost > before.cost * TOLERANCE) ||
        (rate !== undefined && before?.rate !== undefined && rate < before.rate / TOLERANCE);
      return isWorse ? [`${name}: ${cost ?? rate}, was ${before?.cost ?? before?.rate}`] : [];
    });
  }
}

function rounded(ratio: number): number {
  return Number(ratio.toPrecision(3));
}

function read(): Kept {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8')) as Kept;
  } catch {
    return {};
  }
}
