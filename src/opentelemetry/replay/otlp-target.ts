import { messageOf } from '../../errors.ts';
import { variables } from '../../tracing/environment.ts';
import { otlpExporter } from '../export/exporters.ts';
import type { ReplayTarget } from './forward.ts';

/** An exporter to a collector, to which `replay` forwards. */
export interface OtlpTarget extends Extract<ReplayTarget, { export: unknown }> {
  /** How many spans the collector refused of batches of which it took others. They count as forwarded. */
  readonly refused: number;
  /** What the collector, or the way to it, last said against a batch. */
  readonly problem: string | undefined;
  /** Ends its connections. */
  close(): void;
}

/** Bytes that a batch of spans may have; the exporter's own limit is for programs that must stay small. */
const BYTES_MAX = 256 * 1024 * 1024;
/** Milliseconds between tries. */
const DELAYS = { minDelay: 250, maxDelay: 5000 };

/**
 * The exporter of `OTEL_EXPORTER_OTLP_*`, by default of this process's environment, for `replay`: endpoint, headers, certificates, protocol, compression and
 * timeout. It tries again until the timeout of `replay` where the collector is away or overloaded. Rejects with
 * `OptionError`, with `MissingPeerError`, or with the system's error if a certificate can't be read.
 *
 * @example
 * ```ts
 * const target = await otlpTarget({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' });
 * ```
 */
export async function otlpTarget(env?: NodeJS.ProcessEnv): Promise<OtlpTarget> {
  let exported = 0;
  let failed = 0;
  let refused = 0;
  let problem: string | undefined;
  const counts = {
    taken: (): void => {},
    exported: (spans: number): void => void (exported += spans),
    failed: (spans: number): void => void (failed += spans),
  };
  const exporter = await otlpExporter(variables(env), counts, { maxBytes: BYTES_MAX, ...DELAYS });
  return {
    export(spans, done) {
      exported = failed = 0;
      exporter.export(spans, done);
    },
    async forceFlush() {
      try {
        await exporter.forceFlush();
      } catch (error) {
        problem = messageOf(error);
        // What it refuses of a batch that it took must not be sent again (OTLP specification, "Partial Success").
        if (exported === 0) throw error;
        refused += failed;
      }
    },
    close: () => exporter.close(),
    get refused() {
      return refused;
    },
    get problem() {
      return exporter.obstacle === undefined ? problem : messageOf(exporter.obstacle);
    },
  };
}
