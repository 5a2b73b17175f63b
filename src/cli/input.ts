import type { Command } from 'commander';
import { type PoolContent, readDiagnosticsSync } from '../diagnostics/read/read-diagnostics.ts';
import { type Defect, inspect } from '../pool/edit.ts';
import { checkIsPool } from '../pool/is-pool.ts';
import { readFileBytes, readPoolBytes } from '../pool/read-pool.ts';
import { decodeRecords, type PoolRecord } from '../pool/record.ts';
import { type GlobalOptions, namesPool, poolPath } from './global-options.ts';

/** What a command reads: a pool, or a file that says what a pool says. */
export class Input {
  /** The file's path; `-` is the standard input. */
  readonly path: string;
  readonly #bytes: Buffer;
  #records: PoolRecord[] | undefined;
  #content: PoolContent | undefined;

  constructor(path: string, bytes: Buffer) {
    this.path = path;
    this.#bytes = bytes;
  }

  get records(): PoolRecord[] {
    return (this.#records ??= decodeRecords(this.#bytes, { raw: true }));
  }

  get content(): PoolContent {
    return (this.#content ??= readDiagnosticsSync(this.#bytes));
  }

  get defects(): Defect[] {
    return inspect(this.#bytes);
  }
}

/** Adds the argument that `inputsOf` reads. */
export function addFilesArgument(command: Command): Command {
  return command.argument('[file...]', 'pools, or - for the standard input, instead of --pool and --dir');
}

/**
 * The given files, else the pool of `--pool` and `--dir`. That may be missing, and then is empty; a given file must exist.
 * Throws `IoError`, also for a file that is no pool.
 */
export function inputsOf(files: readonly string[], command: Command): Input[] {
  if (files.length === 0) {
    const path = poolPath(command.optsWithGlobals<GlobalOptions>());
    return [new Input(path, readPoolBytes(path))];
  }
  if (namesPool(command)) command.error('a path and --pool or --dir exclude each other');
  return files.map((path) => {
    return new Input(path, readPoolBytes(path === '-' ? '/dev/stdin' : path, { mustExist: true }));
  });
}

/** Reads a file that must exist, or the standard input. Rejects with `IoError`, also for a file that is no pool. */
export async function readInput(path: string): Promise<Input> {
  return inputIn(path, readFileBytes(path === '-' ? '/dev/stdin' : path, { mustExist: true }));
}

/** What the bytes of a file are. Throws `NotAPoolFileError`. */
export function inputIn(path: string, bytes: Buffer): Input {
  checkIsPool(bytes, path);
  return new Input(path, bytes);
}
