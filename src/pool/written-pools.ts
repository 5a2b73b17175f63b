import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isSameFile } from './same-file.ts';

/** The pools that this process has written to, and when they were last changed then. */
const written = new Map<string, number>();
/** More are not remembered: a process writes to one or two. */
const WRITTEN_MAX = 64;

/** Remembers that this process has written to a pool: what is in it is of this boot, whatever its times say. */
export function rememberWritten(path: string): void {
  const changed = changedAt(path);
  if (changed !== undefined && written.size < WRITTEN_MAX) written.set(resolve(path), changed);
}

/** Whether this process has written to the file at a path. One that was changed before that is another one. */
export function hasWritten(path: string): boolean {
  const changed = changedAt(path) ?? -Infinity;
  for (const [known, left] of written) if (changed >= left && isSameFile(known, path)) return true;
  return false;
}

function changedAt(path: string): number | undefined {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return undefined;
  }
}
