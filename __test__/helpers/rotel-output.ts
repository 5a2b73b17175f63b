/** Attributes as `rotel` prints them, with their type: `Str(alice)`, `Int(3)`, `Slice(Str(a), Str(b))`. */
type PrintedAttributes = Record<string, string>;

/** A span that an OTLP receiver got. */
export interface ReceivedSpan {
  resource: PrintedAttributes;
  /** Name and version of the instrumentation: `kvp-tracing 0.1.0`. */
  scope: string;
  traceId: string;
  /** `''` for none. */
  parentId: string;
  spanId: string;
  name: string;
  /** `SPAN_KIND_INTERNAL` and the like. */
  kind: string;
  /** `''` for none. */
  traceState: string;
  /** Nanoseconds since 1970. */
  start: bigint;
  end: bigint;
  /** `STATUS_CODE_ERROR` and the like. */
  status: string;
  statusMessage: string;
  attributes: PrintedAttributes;
  events: { name: string; time: bigint; attributes: PrintedAttributes }[];
  links: { traceId: string; spanId: string; attributes: PrintedAttributes }[];
}

/** What a line that has a place says, and what becomes of the text behind it; anything else goes on with the line before. */
type Meaning = [pattern: RegExp, take: (reading: Reading, text: string, more: string) => void];

/** How far the output is read. */
class Reading {
  readonly spans: ReceivedSpan[] = [];
  resource: PrintedAttributes = {};
  scope = '';
  /** Where attributes belong. */
  attributes: PrintedAttributes = {};
  /** Takes more lines of the text that was read last. */
  extend: ((line: string) => void) | undefined;

  get span(): ReceivedSpan {
    return this.spans.at(-1) as ReceivedSpan;
  }
}

type TextOf<T> = { [Name in keyof T]: T[Name] extends string ? Name : never }[keyof T];

/** Takes a text that may have several lines. */
function text<T, Name extends TextOf<T>>(of: (reading: Reading) => T, name: Name): Meaning[1] {
  return (reading, value) => {
    const holder = of(reading) as Record<Name, string>;
    holder[name] = value;
    reading.extend = (line) => void (holder[name] += `\n${line}`);
  };
}

const spanOf = (reading: Reading) => reading.span;
const eventOf = (reading: Reading) => reading.span.events.at(-1) as ReceivedSpan['events'][number];
const linkOf = (reading: Reading) => reading.span.links.at(-1) as ReceivedSpan['links'][number];

/** More specific lines come first. */
const MEANINGS: readonly Meaning[] = [
  [/^ResourceSpans #\d+$/, () => {}],
  [/^(?:Resource|ScopeSpans) SchemaURL: /, () => {}],
  [/^Resource attributes:$/, (reading) => (reading.attributes = reading.resource = {})],
  [/^ScopeSpans #\d+$/, () => {}],
  [/^InstrumentationScope (.*)$/, (reading, scope) => (reading.scope = scope.trim())],
  [/^Span #\d+$/, (reading) => reading.spans.push(emptySpan(reading))],
  [/^ {4}Trace ID {7}: (.*)$/, text(spanOf, 'traceId')],
  [/^ {4}Parent ID {6}: (.*)$/, text(spanOf, 'parentId')],
  [/^ {4}ID {13}: (.*)$/, text(spanOf, 'spanId')],
  [/^ {4}Name {11}: (.*)$/, text(spanOf, 'name')],
  [/^ {4}Kind {11}: (.*)$/, text(spanOf, 'kind')],
  [/^ {4}TraceState {5}: (.*)$/, text(spanOf, 'traceState')],
  [/^Start time: (\d+)$/, ({ span }, time) => (span.start = BigInt(time))],
  [/^End time: (\d+)$/, ({ span }, time) => (span.end = BigInt(time))],
  [/^ {4}Status code {4}: (.*)$/, text(spanOf, 'status')],
  [/^ {4}Status message : (.*)$/, text(spanOf, 'statusMessage')],
  [/^Attributes:$/, (reading) => (reading.attributes = reading.span.attributes)],
  [/^(?:Events|Links):$/, () => {}],
  [/^SpanEvent #\d+$/, ({ span }) => span.events.push({ name: '', time: 0n, attributes: {} })],
  [/^ {5}-> Name: (.*)$/, text(eventOf, 'name')],
  [/^ {5}-> Timestamp: (\d+)$/, (reading, time) => (eventOf(reading).time = BigInt(time))],
  [/^SpanLink #\d+$/, ({ span }) => span.links.push({ traceId: '', spanId: '', attributes: {} })],
  [/^ {5}-> Trace ID: (.*)$/, text(linkOf, 'traceId')],
  [/^ {5}-> ID: (.*)$/, text(linkOf, 'spanId')],
  [/^ {5}-> (?:TraceState|DroppedAttributesCount): /, () => {}],
  [
    /^ {5}-> Attributes::$/,
    (reading) => {
      const { events, links } = reading.span;
      reading.attributes = (links.at(-1) ?? events.at(-1))?.attributes ?? {};
    },
  ],
  [
    /^ {5}(?: {5})?-> ([^\s:]+): ([A-Z][a-z]+\(.*)$/,
    ({ attributes }, name, value) => (attributes[name] = value),
  ],
];

/** The spans that the detailed debug log of `rotel` tells of; the last may be half there. */
export function spansIn(output: string): ReceivedSpan[] {
  const reading = new Reading();
  for (const line of output.slice(0, output.lastIndexOf('\n')).split('\n')) {
    // A line of its own log.
    if (line.startsWith('{"v":')) continue;
    read(reading, line);
  }
  return reading.spans;
}

function read(reading: Reading, line: string): void {
  for (const [pattern, take] of MEANINGS) {
    const found = pattern.exec(line);
    if (found === null) continue;
    const [, first = '', more = ''] = found;
    const { attributes } = reading;
    reading.extend = more === '' ? undefined : (next) => void (attributes[first] += `\n${next}`);
    take(reading, first, more);
    return;
  }
  reading.extend?.(line);
}

function emptySpan({ resource, scope }: Reading): ReceivedSpan {
  const ids = { traceId: '', parentId: '', spanId: '', traceState: '' };
  const status = { status: '', statusMessage: '', start: 0n, end: 0n };
  return { resource, scope, ...ids, name: '', kind: '', ...status, attributes: {}, events: [], links: [] };
}
