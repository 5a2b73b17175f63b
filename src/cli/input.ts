import { readdirSync } from 'node:fs';
import type { Command } from 'commander';
import { BytesView } from '../diagnostics/pool-view.ts';
import { exportIn, type PoolExport } from '../diagnostics/read/pool-export.ts';
import { interpret, type PoolContent, viewOfExport } from '../diagnostics/read/read-diagnostics.ts';
import { NotAPoolFileError } from '../errors.ts';
import { type Defect, inspect } from '../pool/edit.ts';
import { checkIsPool, isPool } from '../pool/is-pool.ts';
import { readFileBytes, readPoolBytes } from '../pool/read-pool.ts';
import { decodeRecords, type PoolRecord } from '../pool/record.ts';
import { type GlobalOptions, poolPath, refuseBesidePath } from './global-options.ts';
import { compressionOf } from './compressed.ts';
import { optimizeLater } from './optimize-later.ts';
import { shellWord } from './shell-word.ts';
import { isPoolOfVm } from './pool-files.ts';
import { readStdin, STDIN } from './stdin.ts';

/** What a command reads: a pool, or a text that says what a pool says. */
export class Input {
  /** The file's path; `-` is the standard input. */
  readonly path: string;
  readonly #bytes: Buffer;
  readonly #export: PoolExport | undefined;
  #records: PoolRecord[] | undefined;
  #content: PoolContent | undefined;

  constructor(path: string, bytes: Buffer, exported?: PoolExport) {
    this.path = path;
    this.#bytes = bytes;
    this.#export = exported;
  }

  get records(): PoolRecord[] {
    return (this.#records ??= this.#export?.records ?? decodeRecords(this.#bytes, { raw: true }));
  }

  /** The records without their bytes. */
  get texts(): PoolRecord[] {
    return this.#export?.records ?? decodeRecords(this.#bytes);
  }

  get content(): PoolContent {
    return (this.#content ??= interpret(
      this.#export === undefined ? new BytesView(this.#bytes) : viewOfExport(this.#export),
    ));
  }

  /** Of a text only what its records lack is known: what their bytes were is not in it. */
  get defects(): Defect[] {
    if (this.#export === undefined) return inspect(this.#bytes);
    return this.records.flatMap(({ key }, record) =>
      key === '' ? [{ record, reason: 'empty_key', field: 'key' } as const] : [],
    );
  }

  /** What of a text could not be read, as a sentence. */
  get damage(): string | undefined {
    return this.#export?.damage;
  }
}

/** What a file may be that stands for a pool. */
export const POOL_FILE = 'a pool, what dump --json prints, or what a Hyper-V host exports';

/** Adds the argument that `inputsOf` reads. */
export function addFilesArgument(command: Command): Command {
  return command.argument(
    '[file...]',
    `each ${POOL_FILE}; - is the standard input; instead of --pool and --dir`,
  );
}

/**
 * The given files, else the pool of `--pool` and `--dir`. That may be missing, and then is empty; a given file must exist.
 * Rejects with `IoError`, also for a file that is nothing of what is read.
 */
export async function inputsOf(files: readonly string[], command: Command): Promise<Input[]> {
  optimizeLater();
  if (files.length === 0) {
    const path = poolPath(command.optsWithGlobals<GlobalOptions>());
    return [new Input(path, readPoolBytes(path))];
  }
  refuseBesidePath(command, 'pool', 'dir');
  if (files.filter((path) => path === '-').length > 1) command.error('- is given more than once');
  const inputs: Input[] = [];
  for (const path of files) inputs.push(await readInput(path));
  return inputs;
}

/** Reads a file that must exist, or the standard input. */
export async function readInput(path: string): Promise<Input> {
  return inputIn(path, path === '-' ? await readStdin() : readGiven(path));
}

function readGiven(path: string): Buffer {
  try {
    return readFileBytes(path, { mustExist: true });
  } catch (cause) {
    if (!hasPools(path)) throw cause;
    const message = `${path} is a folder of pools; give --dir ${shellWord(path)} instead of it, or one of its files`;
    throw new NotAPoolFileError('ERR_KVP_NOT_A_POOL_FILE', message, { path, cause });
  }
}

/** Whether a path is a folder in which pools lie as on a VM. */
function hasPools(path: string): boolean {
  try {
    return readdirSync(path, { withFileTypes: true }).some((entry) => isPoolOfVm(entry));
  } catch {
    return false;
  }
}

/** What the bytes of a file are. Throws `NotAPoolFileError`. */
export function inputIn(path: string, bytes: Buffer): Input {
  if (isPool(bytes)) return new Input(path, bytes);
  const exported = exportIn(bytes);
  if (exported === undefined) {
    checkIsUnpacked(path, bytes);
    checkIsPool(bytes, path);
  } else if (exported.damage !== undefined && exported.records.length === 0) {
    const shown = path === '-' ? STDIN : path;
    throw new NotAPoolFileError('ERR_KVP_NOT_A_POOL_FILE', `${shown} can't be read: ${exported.damage}`);
  }
  return new Input(path, bytes, exported);
}

/** Throws `NotAPoolFileError` if bytes are compressed: that says how to read them. */
function checkIsUnpacked(path: string, bytes: Buffer): void {
  const compression = compressionOf(bytes);
  if (compression === undefined) return;
  const { kind, program } = compression;
  const [shown, given] = path === '-' ? [STDIN, 'FILE'] : [path, shellWord(path)];
  const advice = `it is compressed by ${kind}. Unpack it first, as in: ${program} ${given} | kvp show -`;
  throw new NotAPoolFileError('ERR_KVP_NOT_A_POOL_FILE', `${shown} is no pool: ${advice}`);
}
