import { durationText } from '../../format/duration-text.ts';
import { escapeInvisible } from '../../format/value-text.ts';
import type { ReplayTarget } from '../../opentelemetry/replay/forward.ts';
import { printableJson } from '../../printable.ts';
import { counted } from '../counted.ts';
import type { GlobalOptions } from '../global-options.ts';
import { print } from '../output.ts';

type Exporter = Extract<ReplayTarget, { export: unknown }>;

/** The used part of a replayed span. */
interface Span {
  readonly name: string;
  spanContext(): { traceId: string; spanId: string };
  readonly parentSpanContext?: { spanId: string };
  readonly startTime: readonly [seconds: number, nanoseconds: number];
  readonly endTime: readonly [seconds: number, nanoseconds: number];
  readonly duration: readonly [seconds: number, nanoseconds: number];
  readonly status: { code: number; message?: string };
  readonly attributes: object;
  readonly events: readonly { name: string }[];
  readonly resource: { attributes: Record<string, unknown> };
}

const ERROR = 2;

/** Prints spans that would be sent: a line each, or a list in JSON. */
export class PrintedSpans {
  readonly #isJson: boolean;
  #isFirst = true;
  #text = '';

  constructor({ json = false }: GlobalOptions) {
    this.#isJson = json;
  }

  /** What spans of a pool are sent to. */
  of(path: string): Exporter {
    return {
      export: (spans, done) => {
        for (const span of spans as Span[]) this.#add(path, span);
        void this.flush().then(
          () => done({ code: 0 }),
          (error: Error) => done({ code: 1, error }),
        );
      },
    };
  }

  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    await print(text);
  }

  async end(): Promise<void> {
    if (this.#isJson) await print(this.#isFirst ? '[]\n' : '\n]\n');
    else if (this.#isFirst) await print('there is nothing to send\n');
  }

  #add(path: string, span: Span): void {
    if (this.#isJson) this.#text += `${this.#isFirst ? '[\n' : ',\n'}${jsonOf(path, span)}`;
    else this.#text += lineOf(span);
    this.#isFirst = false;
  }
}

function lineOf(span: Span): string {
  const { traceId, spanId } = span.spanContext();
  const [seconds, nanoseconds] = span.duration;
  const { code, message } = span.status;
  const events = span.events.length === 0 ? '' : `, ${counted(span.events.length, 'event')}`;
  const failure = code === ERROR ? `, failed${message ? `: ${escapeInvisible(message)}` : ''}` : '';
  const service = escapeInvisible(String(span.resource.attributes['service.name']));
  const time = durationText(seconds + nanoseconds / 1e9);
  return `${traceId} ${spanId} ${service} ${escapeInvisible(span.name)} ${time}${events}${failure}\n`;
}

function jsonOf(path: string, span: Span): string {
  const { name, parentSpanContext, status, attributes, events, resource } = span;
  const { traceId, spanId } = span.spanContext();
  return printableJson(
    JSON.stringify({
      path,
      traceId,
      spanId,
      parentSpanId: parentSpanContext?.spanId ?? null,
      name,
      start: isoOf(span.startTime),
      end: isoOf(span.endTime),
      failed: status.code === ERROR,
      reason: status.message ?? null,
      attributes,
      events: events.map((event) => event.name),
      resource: resource.attributes,
    }),
  );
}

function isoOf([seconds, nanoseconds]: readonly [number, number]): string | null {
  const date = new Date(seconds * 1000 + nanoseconds / 1e6);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
