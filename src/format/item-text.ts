import { inspectLine } from '../tracing/value.ts';
import type { TreeEvent } from './render-tree.ts';
import { debugQuoted, escapeInvisible } from './value-text.ts';

/** The longest message of an event without a level that is taken for a line of text, not for a file. */
const LINE_MAX = 1024;

/** The bytes of what is no line of text; `undefined` for a line. */
export function artifactSize({ message = '', bytes }: TreeEvent): number | undefined {
  if (bytes !== undefined) return bytes.length;
  return message.length > LINE_MAX || message.includes('\n') ? Buffer.byteLength(message) : undefined;
}

/** Fields as `name=value`. */
export function fieldTexts(fields: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(fields).map(([name, value]) => `${escapeInvisible(name)}=${treeValueText(value)}`);
}

/** The value of a field, on one line. */
export function treeValueText(value: unknown): string {
  if (typeof value === 'string') return debugQuoted(value);
  if (typeof value !== 'object' || value === null) return escapeInvisible(String(value));
  try {
    return escapeInvisible(JSON.stringify(value));
  } catch {
    // The value is nested too deep for JSON.
    return escapeInvisible(inspectLine(value));
  }
}
