import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { context } from '@opentelemetry/api';
import type { Peers } from '../peers.ts';
import { answerText } from './answer-text.ts';
import type { OtlpSettings } from './otlp-settings.ts';
import { type ExportCounts, type Answer, Outbox, type QueueOptions } from './outbox.ts';
import type { Exporter } from './span-counts.ts';
import { VERSION } from '../../version.ts';
import { clearTimeout, Date, setTimeout, wallMillis } from '../../tracing/timers.ts';

type Load = Awaited<ReturnType<Peers['transformer']>>;
type Serializer = Awaited<ReturnType<Load>>['ProtobufTraceSerializer'];
type Http = typeof import('node:http') | typeof import('node:https');

/** More bytes than this are sent in several parcels: collectors refuse large ones, and the outbox takes or drops a whole one. */
const PARCEL_MAX = 1024 * 1024;

/** What a collector's answer is read of, at most. */
const ANSWER_MAX = 64 * 1024;

/** How long a connection may take to be made, in milliseconds: so long it keeps the event loop alive, unlike all the rest. */
const CONNECT_MAX = 2000;

/** Statuses after which the same request may be sent again (OTLP specification, "Retryable Response Codes"). */
const RETRYABLE: ReadonlySet<number | undefined> = new Set([429, 502, 503, 504]);

/**
 * Exports by OTLP over HTTP. OpenTelemetry's own exporters give a batch up after five tries, and their
 * timers and sockets keep the event loop alive; in this one batches wait in an outbox.
 */
export class OtlpExporter implements Exporter {
  readonly #settings: OtlpSettings;
  /** Loaded while the program is at work already. */
  readonly #serializer: Promise<Serializer>;
  readonly #http: Http;
  readonly #agent: InstanceType<Http['Agent']>;
  readonly #counts: ExportCounts;
  readonly #outbox: Outbox;

  constructor(
    settings: OtlpSettings,
    load: Load,
    http: Http,
    counts: ExportCounts,
    queue: QueueOptions | undefined,
  ) {
    this.#settings = settings;
    this.#serializer = serializerOf(settings, load);
    // Whoever exports hears of it.
    this.#serializer.catch(() => {});
    this.#http = http;
    this.#agent = new http.Agent({ keepAlive: true, ...settings.tls });
    this.#counts = counts;
    this.#outbox = new Outbox(counts, queue);
  }

  /** Why spans wait, if the last request failed. */
  get obstacle(): Error | undefined {
    return this.#outbox.obstacle;
  }

  /** Is done when the outbox has the spans: what waits there is counted here. */
  export(spans: never[], done: (result: { code: number; error?: Error }) => void): void {
    this.#counts.taken(spans.length);
    const failed = (lost: number, error: Error): void => {
      this.#counts.failed(lost);
      done({ code: 1, error });
    };
    this.#serializer.then(
      (serializer) => {
        const lost = this.#send(spans, serializer);
        if (lost === 0) done({ code: 0 });
        else failed(lost, new Error(`${lost} spans could not be told in OTLP`));
      },
      (error: Error) => failed(spans.length, error),
    );
  }

  /** Gives spans to the outbox, in halves where they make a large parcel; returns how many can't be sent at all. */
  #send(spans: never[], serializer: Serializer): number {
    let body: Uint8Array | undefined;
    try {
      body = serializer.serializeRequest(spans);
    } catch {
      // Nobody can send what can't be spelled.
    }
    if (body === undefined) return spans.length;
    if (body.length > PARCEL_MAX && spans.length > 1) {
      const middle = spans.length >> 1;
      return this.#send(spans.slice(0, middle), serializer) + this.#send(spans.slice(middle), serializer);
    }
    const parcel = body;
    // That of the batch processor, in which nobody traces the request.
    const untraced = context.active();
    const post = (signal: AbortSignal) =>
      context.with(untraced, () => this.#post(parcel, serializer, signal));
    this.#outbox.add({ body, spans: spans.length, post });
    return 0;
  }

  forceFlush(): Promise<void> {
    return this.#outbox.drain();
  }

  async shutdown(): Promise<void> {
    try {
      await this.#outbox.drain();
    } finally {
      this.close();
    }
  }

  /** Gives up what waits and what is under way. */
  close(): void {
    this.#outbox.close();
    this.#agent.destroy();
  }

  async #post(body: Uint8Array, serializer: Serializer, signal: AbortSignal): Promise<Answer> {
    try {
      const { statusCode, headers, answer } = await this.#request(body, signal);
      if (statusCode !== undefined && statusCode >= 200 && statusCode < 300)
        return this.#accepted(answer, serializer);
      const said = answerText(answer.toString(), this.#settings);
      const error = new Error(`the collector answered ${statusCode} ${said}`.trimEnd());
      if (!RETRYABLE.has(statusCode)) return { rejected: Infinity, error };
      return { retry: true, error, after: millisOf(headers['retry-after']) };
    } catch (thrown) {
      // Whatever keeps a connection from being made may go: a route, a name, the clock that a certificate asks for.
      return { retry: true, error: thrown as Error };
    }
  }

  /** A collector may take a request and not all of its spans. */
  #accepted(answer: Buffer, serializer: Serializer): Answer {
    let rejected: unknown;
    let why: string | undefined;
    try {
      const { partialSuccess } = serializer.deserializeResponse(answer);
      ({ rejectedSpans: rejected, errorMessage: why } = partialSuccess ?? {});
    } catch {
      // An answer that can't be read is none.
    }
    const spans = Number(rejected ?? 0);
    if (!(spans > 0)) return { rejected: 0 };
    const said = answerText(why ?? '', this.#settings) || 'it does not say why';
    return { rejected: spans, error: new Error(`the collector refused spans: ${said}`) };
  }

  async #request(body: Uint8Array, signal: AbortSignal): Promise<Received> {
    const { url, protocol, headers, timeout, gzip: isZipped } = this.#settings;
    const sent = isZipped ? await promisify(gzip)(body) : body;
    return new Promise((resolve, reject) => {
      const request = this.#http.request(url, {
        method: 'POST',
        agent: this.#agent,
        headers: {
          'user-agent': `kvp-tracing/${VERSION}`,
          ...headers,
          ...(isZipped && { 'content-encoding': 'gzip' }),
          'content-type': protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
          'content-length': sent.length,
        },
      });
      const stop = (error: Error) => void request.destroy(error);
      const limit = (what: string, millis: number) =>
        setTimeout(stop, millis, new Error(`the collector ${what} within ${millis} ms`)).unref();
      const timer = limit('did not answer', timeout);
      let connecting: NodeJS.Timeout | undefined;
      const abort = () => stop(new Error('the exporter is shut down'));
      signal.addEventListener('abort', abort);
      request.once('close', () => {
        clearTimeout(timer);
        clearTimeout(connecting);
        signal.removeEventListener('abort', abort);
        reject(new Error('the collector closed the connection'));
      });
      request.once('socket', (socket) => {
        socket.unref();
        if (!socket.connecting) return;
        const connect = () => (connecting = limit('could not be reached', Math.min(CONNECT_MAX, timeout)));
        // Finding out an address may take a resolver longer.
        if (isIP(url.hostname.replace(/^\[|\]$/g, '')) === 0) socket.once('lookup', connect);
        else connect();
        socket.once('connect', () => clearTimeout(connecting));
      });
      request.on('error', reject);
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        const { statusCode, headers } = response;
        const done = () => resolve({ statusCode, headers, answer: Buffer.concat(chunks) });
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          bytes += chunk.length;
          if (bytes <= ANSWER_MAX) return;
          // The status says enough.
          done();
          response.destroy();
        });
        response.once('end', done);
        response.on('error', reject);
      });
      request.end(sent);
    });
  }
}

async function serializerOf({ protocol }: OtlpSettings, load: Load): Promise<Serializer> {
  const { JsonTraceSerializer, ProtobufTraceSerializer } = await load();
  return protocol === 'http/json' ? JsonTraceSerializer : ProtobufTraceSerializer;
}

interface Received {
  statusCode: number | undefined;
  headers: { 'retry-after'?: string | undefined };
  answer: Buffer;
}

/** What `Retry-After` says, in milliseconds from now: seconds or a date. */
function millisOf(retryAfter: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  const millis = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - wallMillis();
  return millis >= 0 ? millis : undefined;
}
