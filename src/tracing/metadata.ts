import { type Level, type Verbosity, verbosityOf } from './level.ts';

/** What is known of a span or event before its fields are looked at. */
export interface Metadata {
  readonly kind: 'span' | 'event';
  readonly target: string;
  readonly level: Level;
  /** The level as a number, 1 (ERROR) to 5 (TRACE). */
  readonly verbosity: Verbosity;
  /** The span's name; events have none. */
  readonly name: string | undefined;
}

export function spanMetadata(target: string, level: Level, name: string): Metadata {
  return { kind: 'span', target, level, verbosity: verbosityOf(level) ?? 3, name };
}

export function eventMetadata(target: string, level: Level): Metadata {
  return { kind: 'event', target, level, verbosity: verbosityOf(level) ?? 3, name: undefined };
}
