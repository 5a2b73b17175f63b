import { fstatSync, readdirSync, readFileSync, readSync, statSync, type Stats } from 'node:fs';
import { hasLostReader } from '../output.ts';

/** Processes that have the other end of a pipe open, as paths of `/proc`; and how many could not be looked at. */
interface Readers {
  found: string[];
  unknown: Set<string>;
}

const STDOUT = 1;
const O_ACCMODE = 3;
const O_WRONLY = 1;
const O_NONBLOCK = 0o4000;

/**
 * Tells when nobody reads stdout any more. A write tells it, by EPIPE; while nothing is written Linux tells it of a pipe
 * by `/proc`, of a socket by its end.
 */
export class ReaderWatch {
  readonly #kind: 'pipe' | 'socket' | 'other';
  readonly #stat: Stats;
  #readers: Readers | undefined;
  #isGone = false;

  constructor() {
    this.#stat = fstatSync(STDOUT);
    this.#kind = this.#stat.isFIFO() ? 'pipe' : this.#stat.isSocket() ? 'socket' : 'other';
    // Its stream makes a socket one that does not block, so that `isAtEnd` can read.
    if (this.#kind === 'socket') void process.stdout;
    if (this.#kind === 'pipe') this.#readers = readersOf(this.#stat);
  }

  get isGone(): boolean {
    this.#isGone ||= hasLostReader();
    if (!this.#isGone && this.#kind === 'pipe') this.#isGone = this.#hasLostReaders();
    if (!this.#isGone && this.#kind === 'socket') this.#isGone = isAtEnd();
    return this.#isGone;
  }

  #hasLostReaders(): boolean {
    const before = this.#readers;
    if (before === undefined || before.found.length === 0) return false;
    if (before.found.some((path) => leadsTo(path, this.#stat) !== false)) return false;
    const now = readersOf(this.#stat);
    if (now.found.length > 0) {
      this.#readers = { ...before, found: now.found };
      return false;
    }
    // A process that came meanwhile and is another user's may have it.
    return [...now.unknown].every((pid) => before.unknown.has(pid));
  }
}

function readersOf(stat: Stats): Readers {
  const readers: Readers = { found: [], unknown: new Set() };
  for (const pid of listOf('/proc') ?? []) {
    if (!/^\d+$/.test(pid)) continue;
    const descriptors = listOf(`/proc/${pid}/fd`);
    if (descriptors === undefined) readers.unknown.add(pid);
    for (const fd of descriptors ?? []) {
      const path = `/proc/${pid}/fd/${fd}`;
      if (leadsTo(path, stat) && canRead(pid, fd)) readers.found.push(path);
    }
  }
  return readers;
}

/** The names in a folder: none if it is gone, `undefined` if it can't be read. */
function listOf(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? [] : undefined;
  }
}

/** Whether a descriptor is of that file; `undefined` if that can't be known. */
function leadsTo(path: string, { dev, ino }: Stats): boolean | undefined {
  try {
    const stat = statSync(path);
    return stat.dev === dev && stat.ino === ino;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ESRCH' ? false : undefined;
  }
}

function canRead(pid: string, fd: string): boolean {
  const flags = flagsOf(`/proc/${pid}/fdinfo/${fd}`);
  return flags !== undefined && (flags & O_ACCMODE) !== O_WRONLY;
}

function flagsOf(path: string): number | undefined {
  try {
    const [, flags] = /^flags:\s*([0-7]+)/m.exec(readFileSync(path, 'latin1')) ?? [];
    return flags === undefined ? undefined : parseInt(flags, 8);
  } catch {
    return undefined;
  }
}

/** Whether the other end of the socket is closed. What comes from there instead is of no use. */
function isAtEnd(): boolean {
  // Reading a blocking one would wait.
  if (((flagsOf(`/proc/self/fdinfo/${STDOUT}`) ?? 0) & O_NONBLOCK) === 0) return false;
  try {
    return readSync(STDOUT, Buffer.alloc(4096)) === 0;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ECONNRESET';
  }
}
