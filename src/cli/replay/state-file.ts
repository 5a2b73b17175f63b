import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { endOfQuoted } from '../../end-of-quoted.ts';
import { IoError } from '../../errors.ts';
import { fileError } from '../../pool/system-error.ts';

/** The first line of a state. */
const HEADER = '{"state":"kvp replay","version":1}';

/**
 * What was sent, in a file: a line for each batch, that is on the disk before the next batch is sent. A line that a
 * kill cut short does not count, so that a line is there as a whole or not at all.
 */
export class StateFile {
  readonly #path: string;
  readonly #fd: number;
  /** Lines by pool, read when the pool's turn comes. */
  readonly #lines = new Map<string, string[]>();

  /** Reads what was sent before; with `isReadOnly` a file that is missing stays missing. Throws `IoError`. */
  constructor(path: string, isReadOnly = false) {
    this.#path = path;
    this.#fd = opened(path, isReadOnly);
    try {
      if (this.#fd >= 0) this.#load(isReadOnly);
    } catch (thrown) {
      this.close();
      throw fileError('read', path, thrown);
    }
  }

  /** The keys of the spans of a pool that were sent. */
  sentOf(pool: string): string[] {
    return (this.#lines.get(pool) ?? []).flatMap((line) => (JSON.parse(line) as Entry).forwarded);
  }

  /** Stores that spans of a pool were sent. */
  add(pool: string, forwarded: readonly string[]): void {
    this.#append(JSON.stringify({ pool, forwarded } satisfies Entry));
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
  }

  #load(isReadOnly: boolean): void {
    if (!fstatSync(this.#fd).isFile()) throw refused(this.#path, IRREGULAR);
    const text = readFileSync(this.#fd, 'utf8');
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const [header = '', ...lines] = whole.split('\n');
    // Only the start of a header: it was killed while it made the file.
    if (whole === '' && HEADER.startsWith(text)) {
      if (isReadOnly) return;
      ftruncateSync(this.#fd);
      this.#append(HEADER);
      syncFolderOf(this.#path);
      return;
    }
    if (header !== HEADER)
      throw refused(this.#path, 'give a file that a replay made, or one that is not there yet');
    for (const line of lines) if (line !== '') this.#keep(line);
    if (whole.length < text.length && !isReadOnly) ftruncateSync(this.#fd, Buffer.byteLength(whole));
  }

  #keep(line: string): void {
    const pool = poolOf(line);
    if (pool === undefined) throw refused(this.#path, 'a line of it is damaged');
    const own = this.#lines.get(pool);
    if (own === undefined) this.#lines.set(pool, [line]);
    else own.push(line);
  }

  #append(line: string): void {
    try {
      const bytes = Buffer.from(`${line}\n`);
      for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
      fdatasyncSync(this.#fd);
    } catch (thrown) {
      throw fileError('write', this.#path, thrown);
    }
  }
}

const IRREGULAR = 'it is no regular file; give the file itself, or one that is not there yet';

function refused(path: string, why: string, cause?: unknown): IoError {
  return new IoError('ERR_KVP_IO', `${path} is no state of a replay: ${why}`, { path, cause });
}

interface Entry {
  pool: string;
  forwarded: readonly string[];
}

const START = '{"pool":';

/** The pool that a line is of; `undefined` for a damaged line. The rest is not parsed before the pool's turn comes. */
function poolOf(line: string): string | undefined {
  const end = line.startsWith(`${START}"`) ? endOfQuoted(line, START.length) : -1;
  if (end < 0 || !/^,"forwarded":\[[^\]]*\]\}$/.test(line.slice(end + 1))) return undefined;
  try {
    return JSON.parse(line.slice(START.length, end + 1)) as string;
  } catch {
    return undefined;
  }
}

/** The file's descriptor; -1 for one that is missing and is not made. */
function opened(path: string, isReadOnly: boolean): number {
  const { O_RDONLY, O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const access = isReadOnly ? O_RDONLY : O_RDWR | O_APPEND | O_CREAT;
  try {
    return openSync(path, access | O_NOFOLLOW | O_NONBLOCK, 0o600);
  } catch (thrown) {
    if (isReadOnly && (thrown as NodeJS.ErrnoException).code === 'ENOENT') return -1;
    const { code = '' } = thrown as NodeJS.ErrnoException;
    // What `openSync` says of a link that it does not follow, a folder, and a socket.
    if (['ELOOP', 'EISDIR', 'ENXIO'].includes(code)) throw refused(path, IRREGULAR, thrown);
    throw fileError('open', path, thrown);
  }
}

/** Puts on the disk that there is a new file. */
function syncFolderOf(path: string): void {
  const fd = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
