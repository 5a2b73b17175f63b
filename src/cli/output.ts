import { IoError, messageOf } from '../errors.ts';

/** Writes to stdout. Throws `IoError`, unless the reader is gone: then there is nobody to tell. */
export async function print(text: string): Promise<void> {
  if (text === '') return;
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error == null || (error as NodeJS.ErrnoException).code === 'EPIPE') resolve();
      else reject(new IoError('ERR_KVP_IO', `cannot write the output: ${error.message}`, { cause: error }));
    });
  });
}

/** Writes a line to stderr. */
export function complain(problem: unknown): void {
  process.stderr.write(`${messageOf(problem)}\n`);
}

/** Whether what `print` writes is read by a person at a terminal. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true;
}

/** Failures to write reach the callback of `write`; as events they would end the process with a stack. */
export function keepQuiet(): void {
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
}
