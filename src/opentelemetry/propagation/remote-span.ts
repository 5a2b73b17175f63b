import { type Context, isSpanContextValid, trace } from '@opentelemetry/api';
import { Callsite } from '../../tracing/callsite.ts';
import { evaluate } from '../../tracing/fields.ts';
import { Span } from '../../tracing/span.ts';

const METADATA = new Callsite('span', '', 'TRACE', '');

/** A span of another process, to be given as a parent. It is never recorded. */
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
