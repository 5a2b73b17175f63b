import { type Context, isSpanContextValid, trace } from '@opentelemetry/api';
import { evaluate } from '../../tracing/fields.ts';
import { spanMetadata } from '../../tracing/metadata.ts';
import { Span } from '../../tracing/span.ts';

const METADATA = spanMetadata('', 'TRACE', '');

/** Stands for a span of another process where a parent is asked for; does nothing itself. */
export class RemoteSpan extends Span {
  readonly #context: Context;

  constructor(context: Context) {
    super(undefined, METADATA, evaluate(undefined), undefined, 0);
    this.#context = context;
    const ids = trace.getSpanContext(context);
    if (ids === undefined || !isSpanContextValid(ids)) return;
    this.traceId = ids.traceId;
    this.spanId = ids.spanId;
  }

  override get remote(): Context {
    return this.#context;
  }
}
