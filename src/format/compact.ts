import type { Span } from '../tracing/span.ts';
import { FullFormat } from './full.ts';
import type { Scope } from './line-format.ts';
import { Attributes } from './paint.ts';
import { harmless } from './values.ts';

/** The `compact` format of tracing-subscriber: as `full`, but spans' fields stand at the end. */
export class CompactFormat extends FullFormat {
  override scope(span: Span): Scope {
    const fields = this.fields.of(span.fields);
    return {
      before: `${this.paint(Attributes.bold, harmless(span.name))}:`,
      behind: fields === '' ? '' : ` ${this.paint(Attributes.dim, fields)}`,
    };
  }
}
