import { rfc3339Micros } from '../tracing/clock.ts';
import type { Fields } from '../tracing/fields.ts';
import type { Metadata } from '../tracing/metadata.ts';
import type { Span } from '../tracing/span.ts';
import { FieldsText } from './fields-text.ts';
import type { LineFormat, SpanText, ContextText } from './line-format.ts';
import { Attributes, LEVEL_COLORS, type Paint, painted, unpainted } from './ansi.ts';
import { escapeControls } from './value-text.ts';

/** Targets that are kept. */
const KEPT_MAX = 1024;

/** The `full` format of tracing-subscriber: `TIME LEVEL span{fields}:span: target: message fields`. */
export class FullFormat implements LineFormat {
  protected readonly paint: Paint;
  protected readonly fields: FieldsText;
  /** By verbosity: what stands between the time and the spans. */
  readonly #levels: readonly string[];
  readonly #targets = new Map<string, string>();

  constructor(color: boolean) {
    const paint = color ? painted : unpainted;
    this.paint = paint;
    this.fields = new FieldsText(
      ' ',
      (name, suffix) =>
        paint(Attributes.italic, name) +
        (suffix === '' ? '' : paint(Attributes.italic, suffix)) +
        paint(Attributes.dim, '='),
    );
    this.#levels = ['OFF', 'ERROR', ' WARN', ' INFO', 'DEBUG', 'TRACE'].map(
      (level, verbosity) => ` ${paint(LEVEL_COLORS[verbosity] ?? '', level)} `,
    );
  }

  spanText(span: Span): SpanText {
    const { paint } = this;
    const name = paint(Attributes.bold, escapeControls(span.name));
    const fields = this.fields.of(span.fields);
    const braced = fields === '' ? '' : paint(Attributes.bold, '{') + fields + paint(Attributes.bold, '}');
    return { before: name + braced + paint(Attributes.dim, ':'), behind: '' };
  }

  enclose(scopes: ContextText, scope: SpanText): void {
    scopes.before = scope.before + scopes.before;
    scopes.behind = scope.behind + scopes.behind;
  }

  line(
    micros: number,
    metadata: Metadata,
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
    let text = this.#targets.get(target);
    if (text === undefined) {
      text = `${this.paint(Attributes.dim, escapeControls(target))}${this.paint(Attributes.dim, ':')} `;
      if (this.#targets.size < KEPT_MAX) this.#targets.set(target, text);
    }
    return text;
  }
}
