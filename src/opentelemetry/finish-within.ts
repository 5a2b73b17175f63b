import { LayerError, messageOf } from '../errors.ts';
import { LateError, within } from '../tracing/within.ts';

/**
 * Waits until the promise of `act` settles, for at most `timeout` milliseconds. Keeps the event loop alive while it
 * waits. Resolves to the failure, or to `undefined`; never rejects. Messages say "did not `what`"; `left` names what
 * is not done.
 */
export async function finishWithin(
  timeout: number,
  what: string,
  act: () => Promise<void> | undefined,
  left: () => string | undefined = () => undefined,
): Promise<LayerError | undefined> {
  try {
    // The deadline starts first: `act` may have one of its own, just as long, whose error says less.
    await within(timeout, Promise.resolve().then(act));
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
