import {
  type Context,
  context,
  type Span,
  type SpanOptions,
  trace,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import type { EndedSpan, KvpSpanProcessor } from './kvp-span-processor.ts';
import { behindProxies, type Proxy } from './provider-watch.ts';

/** The member that says that an object is a `KvpSpanProcessor`, of whatever copy of the package. */
export const IS_KVP_SPAN_PROCESSOR: unique symbol = Symbol.for('kvp-tracing.span-processor.1') as never;

type Observer = Pick<KvpSpanProcessor, 'onStart' | 'onEnd' | 'forceFlush'>;

/**
 * Has the spans of a provider pass through the processor that `processor` returns, unless its list has a
 * `KvpSpanProcessor`. `unreadable` is called at the first span that has another shape than those of SDK 2 and 3.
 * Returns `false` if there is no way to see the provider's spans.
 */
export function joinProvider(
  provider: TracerProvider,
  proxy: Proxy | undefined,
  processor: () => Observer,
  unreadable: () => void,
): boolean {
  const list = processorsOf(behindProxies(provider));
  if (list !== undefined) {
    const isThere = list.some((each) => IS_KVP_SPAN_PROCESSOR in each);
    if (!isThere) list.push(listed(processor()));
    return true;
  }
  if (typeof proxy?.getDelegateTracer !== 'function') return false;
  observe(proxy, provider, processor(), unreadable);
  return true;
}

/** The list of processors that all tracers of a provider of SDK 2.12 and 3 use. */
function processorsOf(provider: TracerProvider): object[] | undefined {
  const { _activeSpanProcessor: active } = provider as {
    _activeSpanProcessor?: { _spanProcessors?: unknown };
  };
  const list = active?._spanProcessors;
  if (!Array.isArray(list) || !Object.isExtensible(list)) return undefined;
  const fits = list.every((each: unknown) => typeof (each as Observer | undefined)?.onStart === 'function');
  return fits ? (list as object[]) : undefined;
}

/** The processor for a provider's list. It outlives the provider: the program may register another one. */
function listed(processor: Observer): object {
  return {
    [IS_KVP_SPAN_PROCESSOR]: true,
    onStart: processor.onStart.bind(processor),
    onEnd: processor.onEnd.bind(processor),
    forceFlush: () => processor.forceFlush(),
    shutdown: () => processor.forceFlush(),
  };
}

/** Has the spans pass through `processor` that tracers of `provider` start, if `proxy` hands them out. */
function observe(proxy: Proxy, provider: TracerProvider, processor: Observer, unreadable: () => void): void {
  const { getDelegateTracer } = proxy;
  if (getDelegateTracer === undefined) return;
  const isCurrent = (): boolean =>
    (proxy as Proxy & { getDelegate?(): TracerProvider }).getDelegate?.() === provider;
  proxy.getDelegateTracer = (...args) => {
    const tracer = Reflect.apply(getDelegateTracer, proxy, args);
    return tracer !== undefined && isCurrent() ? new ObservedTracer(tracer, processor, unreadable) : tracer;
  };
}

class ObservedTracer implements Tracer {
  readonly #tracer: Tracer;
  readonly #processor: Observer;
  readonly #unreadable: () => void;

  constructor(tracer: Tracer, processor: Observer, unreadable: () => void) {
    this.#tracer = tracer;
    this.#processor = processor;
    this.#unreadable = unreadable;
  }

  startSpan(name: string, options: SpanOptions = {}, given: Context = context.active()): Span {
    const span = this.#tracer.startSpan(name, options, given);
    if (!span.isRecording()) return span;
    if (!isReadable(span)) {
      this.#unreadable();
      return span;
    }
    const processor = this.#processor;
    processor.onStart(span, options.root === true ? trace.deleteSpan(given) : given);
    const { end } = span;
    let hasEnded = false;
    span.end = function (...args) {
      Reflect.apply(end, span, args);
      if (hasEnded) return;
      hasEnded = true;
      processor.onEnd(span);
    };
    return span;
  }

  startActiveSpan(name: string, ...args: unknown[]): never {
    const fn = args.pop() as (span: Span) => unknown;
    const [options, given = context.active()] = args as [SpanOptions?, Context?];
    const span = this.startSpan(name, options, given);
    return context.with(trace.setSpan(given, span), fn, undefined, span) as never;
  }
}

/** Whether a span has what a processor reads. */
function isReadable(span: object): span is Span & EndedSpan {
  const { attributes, instrumentationScope, events, status } = span as Partial<EndedSpan>;
  return (
    typeof attributes === 'object' &&
    typeof instrumentationScope?.name === 'string' &&
    Array.isArray(events) &&
    typeof status === 'object' &&
    Object.isExtensible(span)
  );
}
