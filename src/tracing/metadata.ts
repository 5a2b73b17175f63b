import type { Level, Verbosity } from './level.ts';

/** What is known of a span or event before its fields are read. */
export interface Metadata {
  readonly kind: 'span' | 'event';
  readonly target: string;
  readonly level: Level;
  /** The level as a number, 1 (ERROR) to 5 (TRACE). */
  readonly verbosity: Verbosity;
  /** The span's name; events have none. */
  readonly name: string | undefined;
  /** The names of the fields, as far as a filter asks for them; see `Filter.fieldNames`. */
  readonly fieldNames: readonly string[];
}
