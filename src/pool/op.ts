import { sleepSync } from '../sleep-sync.ts';
import { setTimeout } from '../tracing/timers.ts';

/** Something that an operation waits for, in two forms: blocking, or without blocking the event loop. */
interface Effect {
  sync(): unknown;
  async(): Promise<unknown>;
}

/**
 * An operation that is written once and runs in either form: a generator of the effects that it waits for.
 * It can catch what an effect throws.
 */
export type Op<R> = Generator<Effect, R, unknown>;

/** Runs an operation to its end; blocks the thread. */
export function runSync<R>(op: Op<R>): R {
  let step = op.next();
  while (step.done !== true) {
    let result: unknown;
    try {
      result = step.value.sync();
    } catch (thrown) {
      step = op.throw(thrown);
      continue;
    }
    step = op.next(result);
  }
  return step.value;
}

/** Runs an operation without blocking the event loop. */
export async function runAsync<R>(op: Op<R>): Promise<R> {
  let step = op.next();
  while (step.done !== true) {
    let result: unknown;
    try {
      result = await step.value.async();
    } catch (thrown) {
      step = op.throw(thrown);
      continue;
    }
    step = op.next(result);
  }
  return step.value;
}

/** Waits for an effect and returns its result. */
export function* call<R>(sync: () => R, async: () => Promise<R>): Op<R> {
  return (yield { sync, async }) as R;
}

/** Waits for so many milliseconds. */
export function pause(milliseconds: number): Op<void> {
  return call(
    () => sleepSync(milliseconds),
    () => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  );
}
