import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { context } from '@opentelemetry/api';
import type { Peers } from '../peers.ts';
import { answerText } from './answer-text.ts';
import type { OtlpSettings } from './otlp-settings.ts';
import { type ExportCounts, ExportQueue, type ExportResponse } from './export-queue.ts';
import type { QueueOptions } from './queue-options.ts';
import type { Exporter } from '../sdk-shapes.ts';
import { VERSION } from '../../version.ts';
import { clearTimeout, Date, setTimeout, wallMillis } from '../../tracing/timers.ts';

type Load = Awaited<ReturnType<Peers['transformer']>>;
type Serializer = Awaited<ReturnType<Load>>['ProtobufTraceSerializer'];
type Http = typeof import('node:http') | typeof import('node:https');

/** A larger request body, in bytes, is split: collectors refuse large requests, and the queue drops whole ones. */
const BODY_MAX = 1024 * 1024;

/** The most bytes of a response that are read. */
const RESPONSE_MAX = 64 * 1024;

/** The longest time to connect, in milliseconds. A socket that connects keeps the event loop alive; nothing else here does. */
const CONNECT_MAX = 2000;

/** The status codes after which a request is retried (OTLP specification, "Retryable Response Codes"). */
const RETRYABLE: ReadonlySet<number | undefined> = new Set([429, 502, 503, 504]);

/**
 * Exports spans by OTLP over HTTP. OpenTelemetry's own exporters drop a batch after five tries, and their timers and
 * sockets keep the event loop alive. This one keeps batches in a queue and retries them.
 */
export class OtlpExporter implements Exporter {
  readonly #settings: OtlpSettings;
  readonly #load: Load;
  /** Loading it is slow, and nothing needs it before the first export. */
  #serializer: Promise<Serializer> | undefined;
  /** Loads it: the first request does, after any instrumentation has patched it. */
  readonly #http: () => Http;
  #agent: InstanceType<Http['Agent']> | undefined;
  readonly #counts: ExportCounts;
  readonly #queue: ExportQueue;

  constructor(
    settings: OtlpSettings,
    load: Load,
    http: () => Http,
    counts: ExportCounts,
    queue: QueueOptions | undefined,
  ) {
    this.#settings = settings;
    this.#load = load;
    this.#http = http;
    this.#counts = counts;
    this.#queue = new ExportQueue(counts, queue);
  }

  /** The error of the last request, if it is to be retried. */
  get obstacle(): Error | undefined {
    return this.#queue.obstacle;
  }

  /** Calls `done` when the queue has the spans. `ExportCounts` is told what becomes of them there. */
  export(spans: never[], done: (result: { code: number; error?: Error }) => void): void {
    this.#counts.taken(spans.length);
    const failed = (lost: number, error: Error): void => {
      this.#counts.failed(lost);
      done({ code: 1, error });
    };
    this.#serializer ??= serializerOf(this.#settings, this.#load);
    this.#serializer.then(
      (serializer) => {
        const lost = this.#enqueue(spans, serializer);
        if (lost === 0) done({ code: 0 });
        else failed(lost, new Error(`${lost} spans could not be told in OTLP`));
      },
      (error: Error) => failed(spans.length, error),
    );
  }

  /** Queues spans, in several requests if the body of one would be too large. Returns how many can't be serialized. */
  #enqueue(spans: never[], serializer: Serializer): number {
    let body: Uint8Array | undefined;
    try {
      body = serializer.serializeRequest(spans);
    } catch {
      // Counted as lost below.
    }
    if (body === undefined) return spans.length;
    if (body.length > BODY_MAX && spans.length > 1) {
      const middle = spans.length >> 1;
      return (
        this.#enqueue(spans.slice(0, middle), serializer) + this.#enqueue(spans.slice(middle), serializer)
      );
    }
    const bytes = body;
    // The batch processor's context, in which tracing is suppressed: the request must not make spans.
    const untraced = context.active();
    const send = (signal: AbortSignal) => context.with(untraced, () => this.#post(bytes, serializer, signal));
    this.#queue.add({ body, spans: spans.length, send });
    return 0;
  }

  forceFlush(): Promise<void> {
    return this.#queue.drain();
  }

  async shutdown(): Promise<void> {
    try {
      await this.#queue.drain();
    } finally {
      this.close();
    }
  }

  /** Drops what is queued and aborts the current request. */
  close(): void {
    this.#queue.close();
    this.#agent?.destroy();
  }

  async #post(body: Uint8Array, serializer: Serializer, signal: AbortSignal): Promise<ExportResponse> {
    try {
      const { statusCode, headers, answer } = await this.#request(body, signal);
      if (statusCode !== undefined && statusCode >= 200 && statusCode < 300)
        return this.#accepted(answer, serializer);
      const said = answerText(answer.toString(), this.#settings);
      const error = new Error(`the collector answered ${statusCode} ${said}`.trimEnd());
      if (!RETRYABLE.has(statusCode)) return { rejected: Infinity, error };
      return { retry: true, error, after: millisOf(headers['retry-after']) };
    } catch (thrown) {
      // Every reason for a failed connection may be temporary: a route, a name, a clock outside a certificate's dates.
      return { retry: true, error: thrown as Error };
    }
  }

  /** What a response of success says: it may still reject some of the spans. */
  #accepted(answer: Buffer, serializer: Serializer): ExportResponse {
    let rejected: unknown;
    let why: string | undefined;
    try {
      const { partialSuccess } = serializer.deserializeResponse(answer);
      ({ rejectedSpans: rejected, errorMessage: why } = partialSuccess ?? {});
    } catch {
      // A response that can't be read is taken as full success.
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
      const http = this.#http();
      this.#agent ??= new http.Agent({ keepAlive: true, ...this.#settings.tls });
      const request = http.request(url, {
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
        // Resolving a name may take longer, and is not part of the limit.
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
          if (bytes <= RESPONSE_MAX) return;
          // The status alone decides.
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

/** The delay of a `Retry-After`, which holds seconds or a date, in milliseconds. */
function millisOf(retryAfter: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  const millis = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - wallMillis();
  return millis >= 0 ? millis : undefined;
}
