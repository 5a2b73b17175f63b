import { inspectLine } from '../tracing/value.ts';
import type { TreeEvent } from './tree.ts';
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

/** Levels of nesting that JSON carries whatever is around it: `JSON.stringify` recurses, and the stack ends at some thousands. */
const JSON_DEPTH_MAX = 1000;

/** Fields as JSON can carry them: a value that is nested too deep is its text. */
export function jsonFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      isNestedWithin(value, JSON_DEPTH_MAX) ? value : treeValueText(value),
    ]),
  );
}

function isNestedWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((each) => isNestedWithin(each, levels - 1));
}
