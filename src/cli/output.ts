import { fstatSync, writeSync } from 'node:fs';
import { IoError, messageOf } from '../errors.ts';
import { printable, printableJson } from '../printable.ts';
import { variable } from '../tracing/environment.ts';
import type { GlobalOptions } from './global-options.ts';

// Texts go to the descriptors themselves: loading the streams of `process` takes a tenth of the time in which Node.js starts.

let isReaderLost = false;

/** Whether a write to stdout found that nobody reads it. */
export function hasLostReader(): boolean {
  return isReaderLost;
}

/** Writes to stdout. Rejects with `IoError`, but not if the reader is gone. */
export async function print(text: string): Promise<void> {
  try {
    const rest = written(1, text);
    if (rest.length > 0) await streamed(rest);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') {
      isReaderLost = true;
      return;
    }
    throw new IoError('ERR_KVP_IO', `cannot write the output: ${messageOf(error)}`, { cause: error });
  }
}

/** Writes as much of a text as the descriptor takes without waiting, which is all unless another program made it so; returns the rest. */
function written(fd: number, text: string): Buffer {
  let rest = Buffer.from(text);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
  return rest;
}

function streamed(bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout().write(bytes, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}

/** The stream of stdout. Its `error` events, which would end the process with a stack, are ignored: `write` gets them too. */
function stdout(): NodeJS.WriteStream {
  return withoutErrors(process.stdout);
}

function withoutErrors(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  return stream;
}

function ignore(): void {}

/** Writes one JSON document to stdout. */
export async function printJson(value: unknown): Promise<void> {
  return print(`${printableJson(JSON.stringify(value))}\n`);
}

/** Writes the message of a problem to stderr, as a line; with `debug` its stack too. */
export function printError(problem: unknown, debug = false): void {
  const stack = debug && problem instanceof Error ? problem.stack : undefined;
  const text =
    stack === undefined ? `${messageOf(problem)}\n` : `${stack.split('\n').map(printable).join('\n')}\n`;
  writeError(text);
}

/** Writes a text to stderr, or not. */
export function writeError(text: string): void {
  try {
    const rest = written(2, text);
    if (rest.length > 0) withoutErrors(process.stderr).write(rest);
  } catch {
    // There is nobody to tell.
  }
}

/** Writes a remark to stderr, as a line, but not with `--quiet`. */
export function printNote(text: string, { quiet = false }: GlobalOptions): void {
  if (!quiet) printError(text);
}

/** Whether stdout is a terminal. */
export function isTerminal(): boolean {
  return isTerminalAt(1);
}

/** Whether a descriptor is a terminal. Only of a device its stream is asked, which takes long to load. */
function isTerminalAt(fd: 0 | 1 | 2): boolean {
  if (!fstatSync(fd).isCharacterDevice()) return false;
  return process[(['stdin', 'stdout', 'stderr'] as const)[fd]].isTTY === true;
}

/**
 * How a text of a pool is printed: a terminal would execute the control sequences in it, also one that a pipe leads to,
 * as `kvp dump | grep` on a terminal does. A script and a file get the text as it is.
 */
export async function escapedOnTerminal(): Promise<(text: string) => string> {
  if (isTerminal()) return (await import('../format/value-text.ts')).escapeInvisible;
  return fstatSync(1).isFIFO() && (isTerminalAt(2) || isTerminalAt(0))
    ? (await import('../format/value-text.ts')).escapeControls
    : (text) => text;
}

/** Whether to print colors: `--no-color`, then `NO_COLOR`, then `FORCE_COLOR`, then whether stdout is a terminal. */
export function hasColor({ color }: GlobalOptions): boolean {
  if (!color || variable('NO_COLOR')) return false;
  const forced = variable('FORCE_COLOR');
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTerminal();
}

/** Columns that the output has: those of `COLUMNS`, else of the terminal, else `otherwise`. */
export function outputWidth(otherwise = 80): number {
  const given = Number(variable('COLUMNS'));
  if (Number.isInteger(given) && given > 0) return given;
  return isTerminal() && process.stdout.columns > 0 ? process.stdout.columns : otherwise;
}
