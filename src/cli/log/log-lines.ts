import { type Diagnostic, producerOf } from '../../diagnostics/diagnostic.ts';
import type { ReportRecord } from '../../diagnostics/report/report.ts';
import { FullFormat } from '../../format/full-format.ts';
import { artifactSize } from '../../format/item-text.ts';
import type { ContextText, SpanText } from '../../format/line-format.ts';
import { Causes, Duration, Unquoted } from '../../format/value-text.ts';
import { Fields } from '../../tracing/fields.ts';
import { isDiagnostic, type LogItem } from './log-item.ts';

/** A span that lines show around what happened in it. */
interface KnownSpan {
  fields: Fields;
  parent: string | undefined;
  text: SpanText;
}

/** Spans that a line shows; further ones outside of them are an ellipsis. */
const SPANS_MAX = 32;

const NO_FIELDS = new Fields([], []);
const ELLIPSIS: SpanText = { before: '…:', behind: '' };

/** Spells what one pool says as lines, as `StderrLayer` does in format `full`. */
export class LogLines {
  readonly #format: FullFormat;
  readonly #file: string | undefined;
  readonly #byId = new Map<string, KnownSpan>();
  /** The last start of a name: where no span is recorded, an event has the name of its span. */
  readonly #byName = new Map<string, KnownSpan>();
  #micros = 0;

  /** With `file` each line ends with that name. */
  constructor(color: boolean, file?: string) {
    this.#format = new FullFormat(color);
    this.#file = file;
  }

  /** Notes a span, whose name and fields later lines show. Takes all that a pool says, in its order. */
  observe({ said }: LogItem): void {
    if (!isDiagnostic(said) || said.kind === 'event') return;
    const known = this.#spanOf(said);
    const { id, name } = said;
    // By the id alone, too: another producer may continue a span.
    for (const key of [keyOf(said, id), id]) this.#byId.set(key, known);
    if (said.kind === 'start') this.#byName.set(keyOf(said, name), known);
  }

  /** The line of an item, with its line feed. */
  line({ said, time, agent, verbosity }: LogItem): string {
    if (time !== undefined) this.#micros = time.getTime() * 1000;
    const isReport = !isDiagnostic(said);
    const context = isReport ? { before: '', behind: '' } : this.#contextOf(said);
    const own = isReport ? reportFields(said) : fieldsOf(said);
    // Behind all others, also where one has the same name.
    const fields =
      this.#file === undefined ? own : new Fields([...own.names, 'file'], [...own.values, this.#file]);
    const target = (isReport ? undefined : said.target) ?? agent;
    const message = isReport ? 'provisioning report' : messageOf(said);
    return this.#format.line(this.#micros, { target, verbosity }, context, message, fields);
  }

  #spanOf(said: Diagnostic): KnownSpan {
    const start = said.kind === 'finish' ? this.#byId.get(keyOf(said, said.id)) : undefined;
    const fields = new Fields([...(start?.fields.names ?? [])], [...(start?.fields.values ?? [])]);
    fields.merge(Fields.of(said.fields));
    const text = this.#format.spanText({ name: said.name, fields });
    return { fields, parent: said.parent ?? start?.parent, text };
  }

  #contextOf(said: Diagnostic): ContextText {
    const context: ContextText = { before: '', behind: '' };
    const seen = new Set<KnownSpan>();
    for (let at = this.#spanAround(said); at !== undefined && !seen.has(at);) {
      if (seen.size === SPANS_MAX) {
        this.#format.enclose(context, ELLIPSIS);
        break;
      }
      seen.add(at);
      this.#format.enclose(context, at.text);
      at = at.parent === undefined ? undefined : this.#byIdFor(said, at.parent);
    }
    return context;
  }

  #spanAround(said: Diagnostic): KnownSpan | undefined {
    const { kind, id, name, span, level, format } = said;
    if (kind !== 'event') return this.#byId.get(keyOf(said, id));
    if (span !== undefined) return this.#byIdFor(said, span);
    if (level === undefined) return undefined;
    const known = this.#byName.get(keyOf(said, name));
    if (known !== undefined || format !== 'azure-init' || name.startsWith('event ')) return known;
    const text = this.#format.spanText({ name, fields: NO_FIELDS });
    return { fields: NO_FIELDS, parent: undefined, text };
  }

  #byIdFor(said: Diagnostic, id: string): KnownSpan | undefined {
    return this.#byId.get(keyOf(said, id)) ?? this.#byId.get(id);
  }
}

function keyOf(said: Diagnostic, id: string): string {
  return `${producerOf(said)}|${id}`;
}

function messageOf(said: Diagnostic): string | undefined {
  const { kind, name, level, message, format, text: payload } = said;
  if (kind !== 'event') {
    const moment = kind === 'start' ? 'new' : 'close';
    return message === undefined ? moment : `${moment}: ${message}`;
  }
  if (level !== undefined) return message;
  // Programs without spans name their events.
  const isUnpacked = format === 'cloud-init' && message === undefined && payload !== '';
  const size = artifactSize(said) ?? (isUnpacked ? Buffer.byteLength(payload) : undefined);
  const text = size === undefined ? message : `${size} bytes`;
  return text === undefined ? name : `${name}: ${text}`;
}

function fieldsOf(said: Diagnostic): Fields {
  const { kind, fields: given, busy, idle, duration, result, reason, sources = [] } = said;
  const fields = kind === 'event' ? Fields.of(given) : new Fields([], []);
  if (busy !== undefined) fields.set('time.busy', new Duration(busy * 1000));
  if (idle !== undefined) fields.set('time.idle', new Duration(idle * 1000));
  if (busy === undefined && duration !== undefined) fields.set('duration', new Duration(duration * 1000));
  if (result === 'fail') fields.set('result', new Unquoted('fail'));
  if (reason !== undefined) fields.set('reason', reason);
  if (sources.length > 0) fields.set('reason.sources', Causes.from(sources));
  return fields;
}

/** The fields of a report but those that the line has elsewhere. */
function reportFields(report: ReportRecord): Fields {
  const fields = new Fields([], []);
  for (const [name, value] of Object.entries(report)) {
    if (name === 'result') fields.set(name, new Unquoted(plain(value)));
    else if (name !== 'agent' && name !== 'timestamp') fields.set(name, value);
  }
  return fields;
}

/** A text that needs no quotes; anything else in quotes. */
function plain(text: string | undefined): string {
  return /^[\w.-]+$/.test(text ?? '') ? (text as string) : JSON.stringify(text);
}
