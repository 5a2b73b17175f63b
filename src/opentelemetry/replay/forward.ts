import { context, ROOT_CONTEXT, type SpanContext, SpanStatusCode, trace } from '@opentelemetry/api';
import { ExportError, OptionError } from '../../errors.ts';
import { VERSION } from '../../version.ts';
import { finishWithin } from '../finish-within.ts';
import type { FlushableTracerProvider } from '../layer/layer-options.ts';
import type { ReplayedSpan } from './replayed-span.ts';
import type { Exporter } from '../sdk-shapes.ts';
import { SUPPRESSED } from '../propagation/trace-context.ts';

/** What spans are replayed to: an exporter of OpenTelemetry's SDK, 2 or 3, or a provider. */
export type ReplayTarget = Pick<Exporter, 'export' | 'forceFlush'> | FlushableTracerProvider;

/** Forwards spans, parents before their children; resolves when the target took them. */
export type Forward = (spans: readonly ReplayedSpan[]) => Promise<void>;

const SUCCESS = 0;

/** Makes the function that forwards to a target, with a deadline of `timeout` milliseconds for each call. Throws `OptionError` if it is no target. */
export function forwardTo(target: ReplayTarget, timeout: number): Forward {
  const send = senderOf(target, timeout);
  return async (spans) => {
    const failure = await finishWithin(timeout, 'export', () => send(spans));
    if (failure !== undefined) throw new ExportError(failure.message, failure.cause);
  };
}

function senderOf(target: ReplayTarget | null | undefined, timeout: number): Forward {
  if (typeof target === 'object' && target !== null) {
    if ('export' in target && typeof target.export === 'function') return byExporter(target);
    if ('getTracer' in target && typeof target.getTracer === 'function') return byProvider(target, timeout);
  }
  throw new OptionError('to', target, 'a span exporter or a tracer provider');
}

function byExporter(exporter: Pick<Exporter, 'export' | 'forceFlush'>): Forward {
  return async (spans) => {
    await new Promise<void>((resolve, reject) => {
      context.with(context.active().setValue(SUPPRESSED, true), () => {
        exporter.export(spans as never[], ({ code, error }) => {
          if (code === SUCCESS) resolve();
          else reject(error ?? new Error('the exporter failed and does not say why'));
        });
      });
    });
    await exporter.forceFlush?.();
  };
}

/** A tracer makes its own ids, so the first span of a trace becomes the child of a span with the id that it should have. */
function byProvider(provider: FlushableTracerProvider, timeout: number): Forward {
  const tracer = provider.getTracer('kvp-tracing', VERSION);
  /** The contexts of spans that were made, by the ids that they should have. */
  const made = new Map<string, SpanContext>();
  return async (spans) => {
    for (const span of spans) {
      const { name, kind, startTime, resource } = span;
      const { spanId } = span.spanContext();
      const above = span.parentSpanContext ?? span.spanContext();
      const parent = made.get(above.spanId) ?? { ...above, isRemote: true };
      // The resource of the span is the provider's, so the recorded one goes into the attributes.
      const attributes = { ...resource.attributes, ...span.attributes };
      const base = trace.setSpanContext(ROOT_CONTEXT, parent);
      const otel = tracer.startSpan(name, { kind, startTime, attributes }, base);
      if (otel.spanContext().spanId === parent.spanId) {
        throw new Error('the provider makes no spans; give one of an SDK');
      }
      made.set(spanId, otel.spanContext());
      for (const event of span.events) otel.addEvent(event.name, event.attributes, event.time);
      if (span.status.code !== SpanStatusCode.UNSET) otel.setStatus(span.status);
      otel.end(span.endTime);
    }
    await provider.forceFlush?.({ timeoutMillis: timeout });
  };
}
