import { sleepSync } from '../tracing/at-exit.ts';
import { setTimeout } from '../tracing/timers.ts';

/** Something that can be done at once or off the event loop. */
interface Effect {
  sync(): unknown;
  async(): Promise<unknown>;
}

/**
 * An operation written once that runs in both ways: a generator of the effects that it waits for. What an
 * effect throws it can catch.
 */
export type Op<R> = Generator<Effect, R, unknown>;

/** Runs an operation to its end in this thread. */
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

/** Waits for an effect. */
export function* call<R>(sync: () => R, async: () => Promise<R>): Op<R> {
  return (yield { sync, async }) as R;
}

/** Lets so many milliseconds pass. */
export function pause(milliseconds: number): Op<void> {
  return call(
    () => sleepSync(milliseconds),
    () => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  );
}
