import { rfc3339Micros } from './rfc3339.ts';
import type { Fields } from '../tracing/fields.ts';
import type { Metadata } from '../tracing/metadata.ts';
import type { Span } from '../tracing/span.ts';
import { Attributes, LEVEL_COLORS, LEVEL_TEXTS, type Paint, withAnsi, withoutAnsi } from './ansi.ts';
import { FieldsText } from './fields-text.ts';
import type { ContextText, LineFormat, SpanText } from './line-format.ts';
import { shownName } from './shown-name.ts';
import { escapeControls } from './value-text.ts';

/** The style of one level's lines. */
interface LevelStyle {
  /** The level's text, with a space on both sides. */
  readonly level: string;
  readonly fields: FieldsText;
  /** The sequence that starts the level's colour. */
  readonly start: string;
  /** The sequence that ends it. */
  readonly end: string;
  target(name: string): string;
}

/** The `pretty` format of tracing-subscriber: a line for the event, one for each span around it, and a blank one. */
export class PrettyFormat implements LineFormat {
  readonly #paint: Paint;
  readonly #styles: readonly LevelStyle[];
  readonly #spanFields: FieldsText;

  constructor(color: boolean, stacks = false) {
    const paint = color ? withAnsi : withoutAnsi;
    this.#paint = paint;
    this.#styles = LEVEL_TEXTS.map((level, verbosity) =>
      levelStyle(level, LEVEL_COLORS[verbosity] ?? '', color, stacks),
    );
    this.#spanFields = new FieldsText(
      ', ',
      (name, suffix) => `${paint(Attributes.bold, name + suffix)}: `,
      stacks,
    );
  }

  spanText(span: Span): SpanText {
    const paint = this.#paint;
    const fields = this.#spanFields.of(span.fields);
    const name = `${escapeControls(span.metadata.target)}::${paint(Attributes.bold, escapeControls(shownName(span.name, span.fields.get('otel.name'))))}`;
    const withFields = fields === '' ? '' : ` ${paint(Attributes.dimItalic, 'with')} ${fields}`;
    return { before: '', behind: `    ${paint(Attributes.dimItalic, 'in')} ${name}${withFields}\n` };
  }

  enclose(context: ContextText, span: SpanText): void {
    context.behind += span.behind;
  }

  line(
    micros: number,
    metadata: Metadata,
    { behind }: ContextText,
    message: string | undefined,
    fields: Fields,
  ): string {
    const style = this.#styles[metadata.verbosity] as LevelStyle;
    const time = this.#paint(Attributes.dim, rfc3339Micros(micros));
    const text = style.fields.of(fields);
    const messageText =
      message === undefined ? '' : style.start + escapeControls(message) + (text === '' ? '' : ', ');
    return `  ${time}${style.level}${style.target(escapeControls(metadata.target))}: ${messageText}${text}${style.end}\n${behind}\n`;
  }
}

function levelStyle(level: string, color: string, isColored: boolean, stacks: boolean): LevelStyle {
  if (!isColored) {
    const fields = new FieldsText(', ', (name, suffix) => `${name}${suffix}: `, stacks);
    return { level: ` ${level} `, fields, start: '', end: '', target: (name) => name };
  }
  const start = `\u001b[${color}m`;
  const inBold = (text: string): string => withAnsi(`${Attributes.bold};${color}`, text) + start;
  return {
    level: ` ${withAnsi(color, level)} `,
    fields: new FieldsText(', ', (name, suffix) => `${inBold(name + suffix)}: `, stacks),
    start,
    end: '\u001b[0m',
    target: inBold,
  };
}
