import { LayerError, messageOf } from '../errors.ts';
import { LateError, within } from '../tracing/within.ts';

/**
 * Waits for what `act` starts, at most `timeout` milliseconds, and keeps the event loop alive meanwhile;
 * resolves to what went wrong, rejects never. `what` is the verb for messages, `left` says what is not done.
 */
export async function finishWithin(
  timeout: number,
  what: string,
  act: () => Promise<void> | undefined,
  left: () => string | undefined = () => undefined,
): Promise<LayerError | undefined> {
  try {
    await within(timeout, Promise.resolve(act()));
    return undefined;
  } catch (thrown) {
    if (thrown instanceof LateError) {
      const rest = left();
      const of = rest === undefined ? '' : `; it still has ${rest}`;
      return new LayerError(`OpenTelemetry did not ${what} within ${timeout} ms${of}`);
    }
    // The SDK's provider rejects with a list.
    const first: unknown = Array.isArray(thrown) ? thrown[0] : thrown;
    return new LayerError(`OpenTelemetry could not ${what}: ${messageOf(first)}`, first);
  }
}
