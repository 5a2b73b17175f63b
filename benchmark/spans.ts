/**
 * What a span costs the thread that makes it, and how much memory an open one takes. Its layer has no hooks:
 * what there is left is the tracing's own.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Registry, type Span, target, withDefault } from 'kvp-tracing';
import { interleaved, type Subject } from './measure.ts';

const OPEN = 200_000;

/** A span with the methods that the published types leave out. */
type EnterableSpan = Span & { enter(): void; exit(): void };

/** Nanoseconds of each. */
export function spanCosts(): Promise<Map<string, number>> {
  const registry = new Registry().withFilter('info').with({ name: 'nothing' });
  const storage = new AsyncLocalStorage<object>();
  const log = target('my_agent::user');
  const context = {};
  let calls = 0;
  const empty = (): void => void calls++;
  const instrumented = log.instrument({ name: 'provision_user' }, empty);
  const disabled = log.instrument({ name: 'provision_user', level: 'debug' }, empty);
  const subject = (name: string, subscriber: Registry | undefined, one: () => unknown): Subject => {
    const run = (count: number): void => {
      for (let i = 0; i < count; i++) one();
    };
    return {
      name,
      run: subscriber === undefined ? run : (count) => withDefault(subscriber, () => run(count)),
    };
  };
  return interleaved(
    [
      subject('als.run', undefined, () => storage.run(context, empty)),
      subject('span', registry, () => log.span('provision_user').close()),
      subject('span, entered', registry, () => {
        const span = log.span('provision_user') as EnterableSpan;
        span.enter();
        span.exit();
        span.close();
      }),
      subject('instrument', registry, () => instrumented()),
      subject('instrument, disabled', registry, () => disabled()),
      subject('span, off', registry, () =>
        log.span('provision_user', { level: 'debug', fields: { user: 'alice' } }),
      ),
    ],
    200,
    10_000,
  );
}

/** Bytes of the heap that an open span takes; needs `--expose-gc`. */
export function bytesPerSpan(): number {
  const registry = new Registry().with({ name: 'nothing' });
  const log = target('my_agent::user');
  const spans: Span[] = Array.from({ length: OPEN });
  const used = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };
  const before = used();
  withDefault(registry, () => {
    for (let i = 0; i < OPEN; i++) spans[i] = log.span('provision_user');
  });
  const bytes = (used() - before) / OPEN;
  for (const span of spans) span.close();
  return bytes;
}
