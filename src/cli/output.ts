import { IoError, messageOf } from '../errors.ts';
import { printable } from '../printable.ts';
import type { GlobalOptions } from './global-options.ts';

/** Writes to stdout. Rejects with `IoError`, but not if the reader is gone. */
export async function print(text: string): Promise<void> {
  if (text === '') return;
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error == null || (error as NodeJS.ErrnoException).code === 'EPIPE') resolve();
      else reject(new IoError('ERR_KVP_IO', `cannot write the output: ${error.message}`, { cause: error }));
    });
  });
}

/** Writes the message of a problem to stderr, as a line; with `debug` its stack too. */
export function printError(problem: unknown, debug = false): void {
  const stack = debug && problem instanceof Error ? problem.stack : undefined;
  process.stderr.write(
    stack === undefined ? `${messageOf(problem)}\n` : `${stack.split('\n').map(printable).join('\n')}\n`,
  );
}

/** Writes a remark to stderr, as a line, but not with `--quiet`. */
export function printNote(text: string, { quiet = false }: GlobalOptions): void {
  if (!quiet) printError(text);
}

/** Whether stdout is a terminal. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true;
}

/** Whether the output may get to a terminal, also through another program such as `grep`. */
export function isAtTerminal(): boolean {
  return isTerminal() || process.stderr.isTTY === true || process.stdin.isTTY === true;
}

/** Whether to print colors: `--no-color`, then `NO_COLOR`, then `FORCE_COLOR`, then whether stdout is a terminal. */
export function hasColor({ color }: GlobalOptions): boolean {
  if (!color || process.env['NO_COLOR']) return false;
  const forced = process.env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTerminal();
}

/** Columns that the output has: those of `COLUMNS`, else of the terminal, else `otherwise`. */
export function outputWidth(otherwise = 80): number {
  const given = Number(process.env['COLUMNS']);
  if (Number.isInteger(given) && given > 0) return given;
  return process.stdout.columns > 0 ? process.stdout.columns : otherwise;
}

/**
 * Ignores the `error` events of stdout and stderr, which would end the process with a stack. The callback of `write`
 * gets the same failures.
 */
export function ignoreWriteErrors(): void {
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
}
