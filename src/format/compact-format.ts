import type { Span } from '../tracing/span.ts';
import { Attributes } from './ansi.ts';
import { FullFormat } from './full-format.ts';
import type { SpanText } from './line-format.ts';
import { shownName } from './shown-name.ts';
import { escapeControls } from './value-text.ts';

/** The `compact` format of tracing-subscriber: like `full`, but the fields of spans stand at the end of the line. */
export class CompactFormat extends FullFormat {
  override spanText(span: Span): SpanText {
    const fields = this.fields.of(span.fields);
    return {
      before: `${this.paint(Attributes.bold, escapeControls(shownName(span.name, span.fields.get('otel.name'))))}:`,
      behind: fields === '' ? '' : ` ${this.paint(Attributes.dim, fields)}`,
    };
  }
}
