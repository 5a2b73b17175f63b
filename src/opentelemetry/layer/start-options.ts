import { type Attributes, type HrTime, SpanKind, type SpanOptions } from '@opentelemetry/api';
import type { Span } from '../../tracing/span.ts';
import { textOf } from '../../tracing/value.ts';
import { attributesOf, hasReserved, kindOf } from './attributes.ts';
import { hrTimeOf } from './time.ts';

const { INTERNAL } = SpanKind;

/** What OpenTelemetry is told of a span that starts. */
export class StartOptions implements SpanOptions {
  /** The name that the span has there. */
  readonly spanName: string;
  readonly kind: SpanKind;
  /** Given at the start, because samplers and processors see the attributes of a span that starts. */
  readonly attributes: Attributes;
  readonly #began: number;
  readonly #step: number;

  constructor({ name, fields, metadata, began }: Span, step: number) {
    const isPlain = !hasReserved(fields);
    const own = isPlain ? undefined : fields.get('otel.name');
    this.spanName = own === undefined ? name : textOf(own);
    this.kind = (isPlain ? undefined : kindOf(fields.get('otel.kind'))) ?? INTERNAL;
    this.attributes = attributesOf(fields, metadata, !isPlain);
    this.#began = began;
    this.#step = step;
  }

  /** Worked out when it is asked for: a span that is not sampled needs none. */
  get startTime(): HrTime {
    return hrTimeOf(this.#began, this.#step);
  }
}
