import { isError } from '../errors.ts';
import type { Event } from './event.ts';
import { causesOf, textOf } from './value.ts';

/** Why a span failed. */
export interface Failure {
  /** What was thrown, what `fail` was told, or what the ERROR event says; `undefined` if nobody said. */
  readonly reason: string | undefined;
  /** The messages of its causes, the nearest first. */
  readonly sources: readonly string[];
  /** The Error that says why, if it is one. */
  readonly error?: Error;
}

/** A failure of which nobody said why. */
export const UNEXPLAINED: Failure = { reason: undefined, sources: [] };

/** The failure that a thrown or stated value stands for. */
export function failureBy(value: unknown): Failure {
  const reason = textOf(value);
  return isError(value) ? { reason, sources: sourcesOf(value), error: value } : { reason, sources: [] };
}

/** The failure that an ERROR event stands for. Its Error is a cause of what its message says, unless it says the same. */
export function failureByEvent({ message, fields }: Event): Failure {
  const error = fields.values.find(isError);
  if (error === undefined) return { reason: message, sources: [] };
  const own = failureBy(error);
  if (message === undefined || message === own.reason) return own;
  return { reason: message, sources: [own.reason as string, ...own.sources], error };
}

function sourcesOf(error: Error): string[] {
  try {
    return causesOf(error);
  } catch {
    // Its `cause` is a getter that throws.
    return [];
  }
}
