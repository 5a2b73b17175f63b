import type { SpanEvent } from '../tracing/span-event.ts';
import type { Decoder } from './encoding.ts';
import type { Collector } from './collector.ts';
import type { PoolView } from './pool-view.ts';
import type { Layout } from './layout.ts';

/** A format of records. Each format is one module of `formats/` and one line of `formats/index.ts`. */
export interface Format<Name extends string = string> {
  /** Its name in options and in `Diagnostic.format`. */
  readonly name: Name;
  /** How it is written; absent for a format that is only read. */
  readonly write?: FormatWriting;
  readonly read: FormatReading;
}

/** A format that is written, too. */
export interface WrittenFormat<Name extends string = string> extends Format<Name> {
  readonly write: FormatWriting;
}

// The published types have the names of the formats alone: the members below are internal.

/** How `EmitKVPLayer` writes a format. */
export interface FormatWriting {
  /**
   * The moments of a span that `spanEvents` may ask for.
   * @internal
   */
  readonly spanEvents: readonly SpanEvent[];
  /**
   * Makes the layout of one layer: keys, names and payloads.
   * @internal
   */
  layout(): Layout;
}

/** How `readDiagnostics` and `timeline` read a format. */
export interface FormatReading {
  /**
   * How its keys are recognised: by their first field, or by their whole shape. Those of a shape are tried after
   * all first fields.
   * @internal
   */
  readonly recognizedBy: 'prefix' | 'shape';
  /**
   * Makes the collector of one pool.
   * @internal
   */
  collector(view: PoolView, decoder: Decoder): Collector;
  /**
   * What the start and the finish of a span share. `'id'`: id and name; if both are used again, the first start
   * belongs to the first finish. `'name'`: the name alone; a finish belongs to the last start before it.
   * @internal
   */
  readonly pairing: 'id' | 'name';
  /**
   * How the parent of a span is found if its producer records no parents. `'recorded'`: it has none. `'path'`: the
   * name of the span starts with its parent's, as in `init/search`. `'interval'`: it is the innermost span of the
   * producer around it by time and place in the pool.
   * @internal
   */
  readonly spanParent: 'recorded' | 'path' | 'interval';
  /**
   * How the span of an event is found if its producer records none. `'recorded'`: it has none. `'name'`: it is the
   * innermost span of the event's name around it. `'interval'`: it is the innermost span of the producer around it.
   * @internal
   */
  readonly eventSpan: 'recorded' | 'name' | 'interval';
  /**
   * What separates an agent's name from its version.
   * @internal
   */
  readonly agentSeparator: RegExp;
}

/** The separator in `name/version`. */
export const AGENT_SEPARATOR = /\/(?=[^/]+$)/;
