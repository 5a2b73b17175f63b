import { IoError, messageOf, TooLargeError } from '../errors.ts';
import { READ_MAX } from '../pool/limits.ts';

/** What a message calls the standard input. */
export const STDIN = 'the standard input';

/** Reads the standard input to its end. Throws `IoError` or `TooLargeError`. */
export async function readStdin(): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of process.stdin as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > READ_MAX) throw new TooLargeError(`${STDIN} has more than ${READ_MAX} bytes`);
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof TooLargeError) throw error;
    throw new IoError('ERR_KVP_IO', `cannot read ${STDIN}: ${messageOf(error)}`, { cause: error });
  }
  return Buffer.concat(parts);
}
