import { resolve } from 'node:path';
import { isSameFile } from './same-file.ts';

/** The pools that this process has written to: what is in them is of this boot, whatever their times say. */
const written = new Set<string>();
/** More are not remembered: a process writes to one or two. */
const WRITTEN_MAX = 64;

/** Remembers that this process has written to a pool. */
export function rememberWritten(path: string): void {
  if (written.size < WRITTEN_MAX) written.add(resolve(path));
}

/** Whether this process has written to a pool, by this path or by another one. */
export function hasWritten(path: string): boolean {
  for (const known of written) if (isSameFile(known, path)) return true;
  return false;
}
