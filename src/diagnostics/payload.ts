import { type Fields } from '../tracing/fields.ts';
import {
  causesOf,
  cutText,
  DEPTH_MAX,
  errorMessage,
  inspectLine,
  isError,
  isPlain,
} from '../tracing/value.ts';

/** The fields of a payload as a JSON object, the message first. Reads every value of JavaScript, throws never. */
export function fieldsJson(fields: Fields, message?: string): string {
  let json = message === undefined ? '' : `"message":${quote(message)}`;
  const { names, values } = fields;
  for (let i = 0; i < names.length; i++) {
    const value = values[i];
    if (value === undefined) continue;
    if (json !== '') json += ',';
    json += `${quote(names[i] as string)}:${valueJson(value)}`;
    if (isError(value)) json += sourcesJson(names[i] as string, value);
  }
  return `{${json}}`;
}

function sourcesJson(name: string, error: Error): string {
  const causes = guarded(() => causesOf(error), []);
  return causes.length === 0 ? '' : `,${quote(`${name}.sources`)}:[${causes.map(quote).join(',')}]`;
}

const NEEDS_ESCAPING = /["\\\u0000-\u001f\u007f\ud800-\udfff]/;

/** A text as JSON. */
export function quote(text: string): string {
  if (text.length < 1024 && !NEEDS_ESCAPING.test(text)) return `"${text}"`;
  return JSON.stringify(cutText(text));
}

function valueJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return numberJson(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return `"${value}"`;
    case 'object':
      return value === null ? 'null' : guarded(() => objectJson(value, 0), '"[unreadable]"');
    default:
      return quote(inspectLine(value));
  }
}

/** A number as JSON; what JSON has no number for, as Rust's JSON of azure-init spells it. */
function numberJson(value: number): string {
  if (Number.isFinite(value)) return `${value}`;
  return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"inf"' : '"-inf"';
}

function objectJson(value: object, depth: number): string {
  if (value instanceof Error) return quote(errorMessage(value));
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? '"Invalid Date"' : `"${value.toISOString()}"`;
  const isArray = Array.isArray(value);
  if (!isArray && !isPlain(value)) return quote(inspectLine(value));
  if (depth > DEPTH_MAX) return isArray ? '"[Array]"' : '"[Object]"';
  if (isArray) return `[${value.map((item: unknown) => nestedJson(item, depth) ?? 'null').join(',')}]`;
  const members: string[] = [];
  for (const name of Object.keys(value)) {
    const json = guarded(() => nestedJson((value as Record<string, unknown>)[name], depth), '"[threw]"');
    if (json !== undefined) members.push(`${quote(name)}:${json}`);
  }
  return `{${members.join(',')}}`;
}

function nestedJson(value: unknown, depth: number): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'object' && value !== null ? objectJson(value, depth + 1) : valueJson(value);
}

function guarded<R>(read: () => R, otherwise: R): R {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
