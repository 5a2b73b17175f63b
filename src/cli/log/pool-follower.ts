import { createHash } from 'node:crypto';
import { type BigIntStats, promises } from 'node:fs';
import type { Diagnostic, RecordProblem } from '../../diagnostics/diagnostic.ts';
import { BytesView } from '../../diagnostics/pool-view.ts';
import { interpret, type PoolContent } from '../../diagnostics/read/read-diagnostics.ts';
import type { ReportRecord } from '../../diagnostics/report/report.ts';
import { IoError, NotAPoolFileError } from '../../errors.ts';
import { KEY_SIZE, RECORD_SIZE } from '../../pool/limits.ts';
import { openPool } from '../../pool/open-pool.ts';
import type { PoolStore } from '../../pool/pool-store.ts';
import { performance } from '../../tracing/performance.ts';
import { wallMillis } from '../../tracing/timers.ts';
import { checkIsPool } from '../../pool/is-pool.ts';
import { diagnosticItem, isDiagnostic, type LogItem, reportItem } from './log-item.ts';

/** What is new in a pool, in its order. */
export interface News {
  items: LogItem[];
  problems: RecordProblem[];
}

/** How long what may not be whole yet is waited for, in milliseconds; what is behind it waits too. */
const PATIENCE = 3000;
/** Behind a value of so many bytes more of it may follow: writers fill all values but the last. */
const FULL = 1000;
/** A file that changed so recently, in milliseconds, may change again without another time of change. */
const TICK = 100;

type Entry = Diagnostic | ReportRecord | RecordProblem;

/**
 * Tells what is new in a pool that others write to. Nothing is told twice and nothing is left out, whatever becomes of
 * the file: it is read as a whole when it has changed, and what it says is known by its content, not by its place.
 */
export class PoolFollower {
  readonly path: string;
  readonly #store: PoolStore;
  readonly #select: ((content: PoolContent) => PoolContent) | undefined;
  readonly #told = new Set<string>();
  /** Since when what may not be whole is there, by the monotonic clock. */
  #waiting = new Map<string, number>();
  #stamp: string | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  /** Bytes of which all is told. */
  #toldBytes: Buffer = Buffer.alloc(0);
  #isFirst = true;

  /** Tells what `select` leaves of the pool's content. Default: all of it. */
  constructor(path: string, select?: (content: PoolContent) => PoolContent) {
    this.path = path;
    this.#select = select;
    this.#store = openPool(path, { readOnly: true });
  }

  /** What is new since the last call. Throws `IoError`, also for a file that is no pool; a missing file is an empty one. */
  async news(): Promise<News> {
    const stat = await this.#stat();
    const stamp = stampOf(stat);
    const isChanged = stamp === undefined || stamp !== this.#stamp;
    if (!isChanged && this.#waiting.size === 0) return { items: [], problems: [] };
    if (isChanged) {
      const bytes = stat === undefined ? Buffer.alloc(0) : await this.#store.bytes();
      this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      checkIsPool(this.#bytes, this.path);
      this.#stamp = stamp;
    }
    const age = this.#isFirst && stat !== undefined ? wallMillis() - Number(stat.mtimeMs) : 0;
    const news = this.#newsOf(Math.max(0, age));
    this.#isFirst = false;
    return news;
  }

  async #stat(): Promise<BigIntStats | undefined> {
    let stat: BigIntStats;
    try {
      stat = await promises.stat(this.path, { bigint: true });
    } catch (thrown) {
      const { code, errno = 0, message } = thrown as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw new IoError('ERR_KVP_IO', message, { errno, syscall: 'stat', path: this.path, cause: thrown });
    }
    if (stat.isFile()) return stat;
    const message = `${this.path} is no regular file: only a pool's file can be followed`;
    throw new NotAPoolFileError('ERR_KVP_NOT_A_POOL_FILE', message, { path: this.path });
  }

  /** What was not told yet and is whole. `age` is for how long the file has been as it is, in milliseconds. */
  #newsOf(age: number): News {
    const content = this.#content();
    const news: News = { items: [], problems: [] };
    const now = performance.now();
    const waiting = new Map<string, number>();
    for (const entry of entriesOf(content)) {
      const id = identityOf(entry);
      if (this.#told.has(id)) continue;
      if (this.#mayGrow(entry)) {
        const since = this.#waiting.get(id) ?? now - age;
        if (now - since < PATIENCE) {
          waiting.set(id, since);
          break;
        }
      }
      this.#told.add(id);
      if (isProblem(entry)) news.problems.push(entry);
      else news.items.push(itemOf(entry, this.path));
    }
    this.#waiting = waiting;
    if (waiting.size === 0) this.#toldBytes = this.#bytes;
    return news;
  }

  /** What the pool says, but for the time that takes not what is known to be told, if records were only added. */
  #content(): PoolContent {
    const told = this.#toldBytes;
    const bytes = this.#bytes;
    const hasGrown = bytes.length >= told.length && bytes.subarray(0, told.length).equals(told);
    if (hasGrown && this.#select === undefined) {
      const from = Math.floor(told.length / RECORD_SIZE);
      const content = interpret(new BytesView(bytes.subarray(from * RECORD_SIZE)));
      for (const { records } of [...content.diagnostics, ...content.reports]) {
        records.forEach((record, i) => (records[i] = record + from));
      }
      // A problem may be a part of a group whose other part was there before.
      if (from === 0 || content.problems.length === 0) return content;
    }
    const content = interpret(new BytesView(bytes));
    return this.#select?.(content) ?? content;
  }

  /** Whether records may be missing that a writer has not written yet. */
  #mayGrow(entry: Entry): boolean {
    const last = entry.records.at(-1) ?? 0;
    // What was there before, with other records behind it, is as whole as it gets.
    if (this.#isFirst && (last + 2) * RECORD_SIZE <= this.#bytes.length) return false;
    if (isProblem(entry)) return true;
    // JSON that does not end.
    if ('text' in entry && entry.text === (entry as Diagnostic).message && entry.text.startsWith('{'))
      return true;
    const start = last * RECORD_SIZE + KEY_SIZE;
    const end = this.#bytes.indexOf(0, start);
    return end < 0 || end - start >= FULL;
  }
}

/** What tells a file that has changed; `undefined` where that is not certain. */
function stampOf(stat: BigIntStats | undefined): string | undefined {
  if (stat === undefined) return 'missing';
  const { dev, ino, size, mtimeNs, ctimeNs } = stat;
  const age = wallMillis() - Number(ctimeNs / 1_000_000n);
  return Math.abs(age) < TICK ? undefined : [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** A report's extra of this name is a text. */
function isProblem(entry: Entry): entry is RecordProblem {
  return 'raw' in entry && Array.isArray(entry.raw);
}

function entriesOf({ diagnostics, reports, problems }: PoolContent): Entry[] {
  const entries: Entry[] = [...diagnostics, ...reports, ...problems];
  return entries.sort((one, other) => (one.records[0] ?? 0) - (other.records[0] ?? 0));
}

function itemOf(said: Diagnostic | ReportRecord, file: string): LogItem {
  return isDiagnostic(said) ? diagnosticItem(said, file) : reportItem(said, file);
}

/** What two readings of the same payload have in common, and nothing else has. */
function identityOf(entry: Entry): string {
  const hash = createHash('sha1');
  const add = (...parts: unknown[]): void => {
    // With lengths, so that no part can look like two.
    for (const part of parts) hash.update(`${String(part).length}:${String(part)}`);
  };
  if (isProblem(entry)) {
    add('problem', entry.reason);
    for (const { key, value } of entry.raw) add(key, value);
  } else if (isDiagnostic(entry)) {
    const { format, kind, agent, vmId, name, id, time, end, text, result, duration } = entry;
    add(format, kind, agent, vmId, name, id, time.getTime(), end?.getTime(), result, duration, text);
  } else add('report', entry.text);
  return hash.digest('base64');
}
