import { clearTimeout, setTimeout, TIMER_MAX } from './timers.ts';

/** Says that something was not done in time. */
export class LateError extends Error {
  constructor(milliseconds: number) {
    super(`it took over ${milliseconds} ms`);
  }
}

/** What `work` comes to. Keeps the event loop alive meanwhile; rejects with `LateError` after so many milliseconds. */
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
