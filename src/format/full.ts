import { rfc3339Micros } from '../tracing/clock.ts';
import type { Level } from '../tracing/level.ts';
import { raw } from './values.ts';

/** What a line says. */
export interface Line {
  micros: number;
  level: Level;
  target: string;
  /** Names and formatted fields of the spans around it, root first, each as `scopeText` makes it. */
  scopes: string;
  message: string | undefined;
  /** The formatted fields. */
  fields: string;
}

/** A span as a line names it: `name{k=v}:`, without braces if it has no fields. */
export function scopeText(name: string, fields: string): string {
  return fields === '' ? `${raw(name)}:` : `${raw(name)}{${fields}}:`;
}

/** The `full` format of tracing-subscriber, with the line feed. */
export function fullLine({ micros, level, target, scopes, message, fields }: Line): string {
  let line = `${rfc3339Micros(micros)} ${level.padStart(5)} ${scopes === '' ? '' : `${scopes} `}${raw(target)}:`;
  if (message !== undefined) line += ` ${raw(message)}`;
  if (fields !== '') line += ` ${fields}`;
  return `${line}\n`;
}
