import type { Event } from './event.ts';
import { causesOf, isError, textOf } from './value.ts';

/** Why a span failed. */
export interface Failure {
  /** What was thrown, what `fail` was told, or what the ERROR event says; `undefined` if nobody said. */
  readonly reason: string | undefined;
  /** The messages of its causes, the nearest first. */
  readonly sources: readonly string[];
}

/** A failure of which nobody said why. */
export const UNEXPLAINED: Failure = { reason: undefined, sources: [] };

/** The failure that a thrown or stated value stands for. */
export function failureBy(value: unknown): Failure {
  return { reason: textOf(value), sources: sourcesOf(value) };
}

/** The failure that an ERROR event stands for. Its Error is a cause of what its message says, unless it says the same. */
export function failureByEvent({ message, fields }: Event): Failure {
  const error = fields.values.find(isError);
  if (error === undefined) return { reason: message, sources: [] };
  const own = failureBy(error);
  if (message === undefined || message === own.reason) return own;
  return { reason: message, sources: [own.reason as string, ...own.sources] };
}

function sourcesOf(value: unknown): string[] {
  try {
    return isError(value) ? causesOf(value) : [];
  } catch {
    // Its `cause` is a getter that throws.
    return [];
  }
}
