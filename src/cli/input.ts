import type { Command } from 'commander';
import { type PoolContent, readDiagnosticsSync } from '../diagnostics/read/read-diagnostics.ts';
import { poolPath } from '../pool/open-pool.ts';
import { readPool } from '../pool/read-pool.ts';
import type { PoolRecord } from '../pool/record.ts';
import { type GlobalOptions, namesPool } from './global-options.ts';

/** What a command reads: a pool, or a file that says what a pool says. */
export class Input {
  /** The file's path; `-` is the standard input. */
  readonly path: string;
  readonly records: PoolRecord[];
  #content: PoolContent | undefined;

  constructor(path: string, records: PoolRecord[]) {
    this.path = path;
    this.records = records;
  }

  get content(): PoolContent {
    return (this.#content ??= readDiagnosticsSync(this.records));
  }
}

/** Adds the argument that `inputsOf` reads. */
export function addFilesArgument(command: Command): Command {
  return command.argument('[file...]', 'pools, or - for the standard input, instead of --pool and --dir');
}

/** The given files, else the pool of `--pool` and `--dir`. That may be missing, and then is empty; a given file must exist. */
export function inputsOf(files: readonly string[], command: Command): Input[] {
  if (files.length === 0) {
    const path = poolPath(command.optsWithGlobals<GlobalOptions>());
    return [new Input(path, readPool(path, { raw: true }))];
  }
  if (namesPool(command)) command.error('a path and --pool or --dir exclude each other');
  return files.map((path) => {
    return new Input(path, readPool(path === '-' ? '/dev/stdin' : path, { raw: true, mustExist: true }));
  });
}
