import { type BigIntStats, statSync } from 'node:fs';
import { performance } from '../../tracing/performance.ts';
import { setTimeout } from '../../tracing/timers.ts';
import { type Check, checkOf } from './check.ts';
import { namesIn, processes, programOf, textOf } from './processes.ts';

/** A lock of a file, and the processes that hold it. */
interface Lock {
  kind: 'flock' | 'POSIX' | 'OFD';
  mode: 'read' | 'write';
  /** A process and those that it shares the open file with; none if they can't be seen. */
  pids: Set<number>;
}

/** A line of `/proc/locks`, and of `/proc/PID/fdinfo/FD` behind `lock:`; that of a process that waits has an arrow. */
const LINE =
  /^\s*\d+: (FLOCK|POSIX|OFDLCK)\s+\S+\s+(READ|WRITE)\s+(-?\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) (.*)$/;
const KINDS = { FLOCK: 'flock', POSIX: 'POSIX', OFDLCK: 'OFD' } as const;

/** For how long writers wait for a lock, in milliseconds. */
const PATIENCE = 1000;
const PAUSE = 50;

/** Whether a process keeps the pool locked: writers hold a lock for milliseconds. */
export async function locksCheck(path: string): Promise<Check> {
  const { ok, error, skipped } = checkOf('locks');
  if (textOf('/proc/locks') === undefined) return skipped('the system does not list locks (/proc/locks)');
  const deadline = performance.now() + PATIENCE;
  let held = locksOf(path);
  const first = new Set(held.keys());
  while (held.size > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    held = new Map([...locksOf(path)].filter(([key]) => first.has(key)));
  }
  if (held.size === 0) {
    return ok(first.size === 0 ? 'no process holds a lock' : 'a process held a lock and released it');
  }
  const texts = [...held.values()].map(textOfLock).join('; ');
  const fix = 'end that program, or wait for it: nobody else can write meanwhile';
  return error(`held for over ${PATIENCE / 1000} s: ${texts}`, fix);
}

function textOfLock({ kind, mode, pids }: Lock): string {
  const holders = [...pids].map((pid) => `${programOf(pid)} (pid ${pid})`).join(', ');
  return `${kind} lock (${mode}) by ${holders || "a process that can't be seen here (as root more is seen)"}`;
}

/** The locks of a file, by what tells them apart. */
function locksOf(path: string): Map<string, Lock> {
  const locks = new Map<string, Lock>();
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (file === undefined) return locks;
  for (const { pid } of processes()) {
    for (const fd of namesIn(`/proc/${pid}/fd`)) {
      if (!isSame(`/proc/${pid}/fd/${fd}`, file)) continue;
      for (const line of (textOf(`/proc/${pid}/fdinfo/${fd}`) ?? '').split('\n')) {
        if (line.startsWith('lock:')) add(locks, line.slice('lock:'.length), pid);
      }
    }
  }
  for (const line of (textOf('/proc/locks') ?? '').split('\n')) {
    const [, , , pid, major = '', minor = '', inode] = LINE.exec(line) ?? [];
    if (inode !== `${file.ino}` || deviceOf(file) !== `${parseInt(major, 16)}:${parseInt(minor, 16)}`)
      continue;
    // The process that took it may be gone, and not know whom it left it to.
    const isThere = Number(pid) > 0 && textOf(`/proc/${pid}/comm`) !== undefined;
    add(locks, line, isThere ? Number(pid) : undefined);
  }
  return locks;
}

function add(locks: Map<string, Lock>, line: string, pid: number | undefined): void {
  const [, kind, mode, taker, , , , range] = LINE.exec(line) ?? [];
  if (kind === undefined || mode === undefined) return;
  const key = `${kind} ${mode} ${taker} ${range}`;
  const lock = locks.get(key) ?? {
    kind: KINDS[kind as keyof typeof KINDS],
    mode: mode === 'READ' ? 'read' : 'write',
    pids: new Set<number>(),
  };
  if (pid !== undefined) lock.pids.add(pid);
  locks.set(key, lock);
}

function isSame(path: string, { dev, ino }: BigIntStats): boolean {
  try {
    const stat = statSync(path, { bigint: true });
    return stat.dev === dev && stat.ino === ino;
  } catch {
    return false;
  }
}

/** `major:minor`, as the C library tells them. */
function deviceOf({ dev }: BigIntStats): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
