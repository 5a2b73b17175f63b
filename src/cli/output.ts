import { IoError, messageOf } from '../errors.ts';

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

/** Writes the message of a problem to stderr, as a line. */
export function printError(problem: unknown): void {
  process.stderr.write(`${messageOf(problem)}\n`);
}

/** Whether stdout is a terminal. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true;
}

/** Whether the output may get to a terminal, also through another program such as `grep`. */
export function isAtTerminal(): boolean {
  return isTerminal() || process.stderr.isTTY === true || process.stdin.isTTY === true;
}

/**
 * Ignores the `error` events of stdout and stderr, which would end the process with a stack. The callback of `write`
 * gets the same failures.
 */
export function ignoreWriteErrors(): void {
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
}
