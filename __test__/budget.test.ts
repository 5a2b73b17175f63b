import { readFileSync } from 'node:fs';
import test from 'ava';
import { Budget, type Verdict } from '../src/pool/fallback/budget.ts';
import type { Entry } from '../src/pool/fallback/frame.ts';
import { verbosityOf } from '../src/tracing/level.ts';

/** What the budget is asked or told; the core's test stands on the same cases (crates/kvp/tests/golden.rs). */
type Step =
  | { kind: 'drop report'; used: number; verdict: Verdict }
  /** With a `count`: the finishes of `id` followed by a number from 0. */
  | { kind: 'lose'; id: string; count?: number }
  | {
      kind: Entry['kind'];
      id?: string;
      level: string;
      failed?: boolean;
      records: number;
      /** Of the payload, which repeats `text`. */
      bytes?: number;
      text?: string;
      used: number;
      /** What the budget said before a write that failed. */
      before?: Verdict;
      verdict: Verdict;
    };

interface Case {
  title: string;
  maxRecords: number;
  reservesFinishes: boolean;
  steps: Step[];
}

const CASES = JSON.parse(
  readFileSync(new URL('./fixtures/golden/budget.json', import.meta.url), 'utf8'),
) as readonly Case[];

/** Takes a step; says what the budget answers, if it was asked. */
function take(budget: Budget, step: Step): Verdict | undefined {
  if (step.kind === 'drop report') return budget.admitsDropReport(step.used) ? 'admitted' : 'refused';
  if (step.kind === 'lose') {
    const { id, count } = step;
    if (count === undefined) budget.lose(id);
    for (let number = 0; number < (count ?? 0); number++) budget.lose(`${id}${number}`);
    return undefined;
  }
  const { kind, id = '', level, failed = false, records, bytes = 0, text = 'x', used, before } = step;
  const payload = text.repeat(bytes / Buffer.byteLength(text));
  const times = { time: 0, seconds: failed ? -1 : 1 };
  const entry = { kind, id, level: verbosityOf(level) as number, name: 'n', payload, ...times };
  return budget.admits(entry, records, used, before);
}

for (const { title, maxRecords, reservesFinishes, steps } of CASES) {
  test(`the budget of the fallback: ${title}`, (t) => {
    const budget = new Budget(maxRecords, reservesFinishes);
    for (const step of steps) {
      const verdict = take(budget, step);
      if (step.kind !== 'lose') t.is(verdict, step.verdict, JSON.stringify(step));
    }
  });
}
