import { clearTimeout, setTimeout } from './timers.ts';
import { TIMER_MAX } from './timer-max.ts';

/** Says that something was not done in time. */
export class LateError extends Error {
  constructor(milliseconds: number) {
    super(`it took over ${milliseconds} ms`);
  }
}

/** The outcome of `work`. Rejects with `LateError` after so many milliseconds; until then the event loop stays alive. */
export async function within<R>(milliseconds: number, work: Promise<R>): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LateError(milliseconds)), Math.min(milliseconds, TIMER_MAX));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
