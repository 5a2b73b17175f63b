import { rfc3339Micros } from '../tracing/clock.ts';
import type { Fields } from '../tracing/fields.ts';
import type { Metadata } from '../tracing/metadata.ts';
import type { Span } from '../tracing/span.ts';
import { FieldsText } from './fields-text.ts';
import type { LineFormat, SpanText, ContextText } from './line-format.ts';
import { Attributes, LEVEL_COLORS, type Paint, painted, unpainted } from './ansi.ts';
import { escapeControls } from './value-text.ts';

/** How the lines of one level look. */
interface Look {
  /** The level between its spaces. */
  readonly level: string;
  readonly fields: FieldsText;
  /** Starts the level's colour. */
  readonly start: string;
  /** Ends it. */
  readonly end: string;
  target(name: string): string;
}

/** The `pretty` format of tracing-subscriber: an event, each span around it, and a blank line, a line each. */
export class PrettyFormat implements LineFormat {
  readonly #paint: Paint;
  readonly #looks: readonly Look[];
  readonly #spanFields: FieldsText;

  constructor(color: boolean) {
    const paint = color ? painted : unpainted;
    this.#paint = paint;
    this.#looks = ['OFF', 'ERROR', ' WARN', ' INFO', 'DEBUG', 'TRACE'].map((level, verbosity) =>
      lookOf(level, LEVEL_COLORS[verbosity] ?? '', color),
    );
    this.#spanFields = new FieldsText(', ', (name, suffix) => `${paint(Attributes.bold, name + suffix)}: `);
  }

  spanText(span: Span): SpanText {
    const paint = this.#paint;
    const fields = this.#spanFields.of(span.fields);
    const name = `${escapeControls(span.metadata.target)}::${paint(Attributes.bold, escapeControls(span.name))}`;
    const having = fields === '' ? '' : ` ${paint(Attributes.dimItalic, 'with')} ${fields}`;
    return { before: '', behind: `    ${paint(Attributes.dimItalic, 'in')} ${name}${having}\n` };
  }

  enclose(scopes: ContextText, scope: SpanText): void {
    scopes.behind += scope.behind;
  }

  line(
    micros: number,
    metadata: Metadata,
    { behind }: ContextText,
    message: string | undefined,
    fields: Fields,
  ): string {
    const look = this.#looks[metadata.verbosity] as Look;
    const time = this.#paint(Attributes.dim, rfc3339Micros(micros));
    const text = look.fields.of(fields);
    const said =
      message === undefined ? '' : look.start + escapeControls(message) + (text === '' ? '' : ', ');
    return `  ${time}${look.level}${look.target(escapeControls(metadata.target))}: ${said}${text}${look.end}\n${behind}\n`;
  }
}

function lookOf(level: string, color: string, isColored: boolean): Look {
  if (!isColored) {
    const fields = new FieldsText(', ', (name, suffix) => `${name}${suffix}: `);
    return { level: ` ${level} `, fields, start: '', end: '', target: (name) => name };
  }
  const start = `\u001b[${color}m`;
  const inBold = (text: string): string => painted(`${Attributes.bold};${color}`, text) + start;
  return {
    level: ` ${painted(color, level)} `,
    fields: new FieldsText(', ', (name, suffix) => `${inBold(name + suffix)}: `),
    start,
    end: '\u001b[0m',
    target: inBold,
  };
}
