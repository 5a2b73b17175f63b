/** A thing to time: `run` does it `count` times, `rest` whatever must be done between the rounds. */
export interface Subject {
  name: string;
  run(count: number): unknown;
  rest?(): unknown;
}

/**
 * Nanoseconds of one run of each subject. Rounds are interleaved, so that a machine that changes its speed
 * changes it for all; the median of the rounds counts. `clock` tells milliseconds.
 */
export async function interleaved(
  subjects: readonly Subject[],
  rounds: number,
  count: number,
  clock = () => performance.now(),
): Promise<Map<string, number>> {
  const times = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = -10; round < rounds; round++) {
    for (const { name, run, rest } of subjects) {
      const started = clock();
      await run(count);
      const elapsed = clock() - started;
      await rest?.();
      if (round >= 0) times.get(name)?.push((elapsed * 1e6) / count);
    }
  }
  return new Map([...times].map(([name, all]) => [name, quantile(all, 0.5)]));
}

/** Milliseconds that this thread did not wait for something to happen. */
export function busyTime(): number {
  return performance.now() - performance.eventLoopUtilization().idle;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
