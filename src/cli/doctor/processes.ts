import { readdirSync, readFileSync } from 'node:fs';

export interface Process {
  pid: number;
  /** The program's name, at most 15 bytes of it. */
  name: string;
}

/** All processes that can be seen. */
export function processes(): Process[] {
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ({ pid: Number(pid), name: programOf(Number(pid)) }));
}

/** The name of a process's program; `?` if it is gone. */
export function programOf(pid: number): string {
  // A program chooses its name, also one with control characters.
  return JSON.stringify(textOf(`/proc/${pid}/comm`)?.trim() ?? '?').slice(1, -1);
}

/** The names in a folder; none if it can't be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The text of a file; `undefined` if it can't be read. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
