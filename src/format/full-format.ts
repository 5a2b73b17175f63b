import { BoundedCache } from '../tracing/bounded-cache.ts';
import { rfc3339Micros } from './rfc3339.ts';
import type { Fields } from '../tracing/fields.ts';
import type { Metadata } from '../tracing/metadata.ts';
import type { Span } from '../tracing/span.ts';
import { Attributes, LEVEL_COLORS, LEVEL_TEXTS, type Paint, withAnsi, withoutAnsi } from './ansi.ts';
import { FieldsText } from './fields-text.ts';
import type { ContextText, LineFormat, SpanText } from './line-format.ts';
import { shownName } from './shown-name.ts';
import { escapeControls } from './value-text.ts';

/** The `full` format of tracing-subscriber: `TIME LEVEL span{fields}:span: target: message fields`. */
export class FullFormat implements LineFormat {
  protected readonly paint: Paint;
  protected readonly fields: FieldsText;
  /** What stands between the time and the spans, by verbosity. */
  readonly #levels: readonly string[];
  readonly #targets = new BoundedCache<string>();

  constructor(color: boolean, stacks = false) {
    const paint = color ? withAnsi : withoutAnsi;
    this.paint = paint;
    this.fields = new FieldsText(
      ' ',
      (name, suffix) =>
        paint(Attributes.italic, name) +
        (suffix === '' ? '' : paint(Attributes.italic, suffix)) +
        paint(Attributes.dim, '='),
      stacks,
    );
    this.#levels = LEVEL_TEXTS.map((level, verbosity) => ` ${paint(LEVEL_COLORS[verbosity] ?? '', level)} `);
  }

  spanText(span: Pick<Span, 'name' | 'fields'>): SpanText {
    const { paint } = this;
    const name = paint(Attributes.bold, escapeControls(shownName(span.name, span.fields.get('otel.name'))));
    const fields = this.fields.of(span.fields);
    const inBraces = fields === '' ? '' : paint(Attributes.bold, '{') + fields + paint(Attributes.bold, '}');
    return { before: name + inBraces + paint(Attributes.dim, ':'), behind: '' };
  }

  enclose(context: ContextText, span: SpanText): void {
    context.before = span.before + context.before;
    context.behind = span.behind + context.behind;
  }

  line(
    micros: number,
    metadata: Pick<Metadata, 'target' | 'verbosity'>,
    { before, behind }: ContextText,
    message: string | undefined,
    fields: Fields,
  ): string {
    let line = this.paint(Attributes.dim, rfc3339Micros(micros)) + this.#levels[metadata.verbosity];
    if (before !== '') line += `${before} `;
    line += this.#target(metadata.target);
    if (message !== undefined) line += escapeControls(message);
    if (fields.names.length > 0) {
      const text = this.fields.of(fields);
      line += message === undefined || text === '' ? text : ` ${text}`;
    }
    return `${line}${behind}\n`;
  }

  #target(target: string): string {
    const { paint } = this;
    return (
      this.#targets.get(target) ??
      this.#targets.add(
        target,
        (own) => `${paint(Attributes.dim, escapeControls(own))}${paint(Attributes.dim, ':')} `,
      )
    );
  }
}
