import { LayerError, messageOf } from '../errors.ts';
import { clearTimeout, setTimeout } from '../tracing/timers.ts';

/**
 * Waits for what `act` starts, at most `timeout` milliseconds, and keeps the event loop alive meanwhile;
 * resolves to what went wrong, rejects never. `what` is the verb for messages, `left` says what is not done.
 */
export async function within(
  timeout: number,
  what: string,
  act: () => Promise<void> | undefined,
  left: () => string | undefined = () => undefined,
): Promise<LayerError | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    // A timer of Node.js takes no more.
    timer = setTimeout(resolve, Math.min(timeout, 2 ** 31 - 1), 'late');
  });
  try {
    if ((await Promise.race([act(), late])) !== 'late') return undefined;
    const rest = left();
    const of = rest === undefined ? '' : `; it still has ${rest}`;
    return new LayerError(`OpenTelemetry did not ${what} within ${timeout} ms${of}`);
  } catch (thrown) {
    // The SDK's provider rejects with a list.
    const first: unknown = Array.isArray(thrown) ? thrown[0] : thrown;
    return new LayerError(`OpenTelemetry could not ${what}: ${messageOf(first)}`, first);
  } finally {
    clearTimeout(timer);
  }
}
