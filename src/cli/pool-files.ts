import { type Dirent, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import { thrownBySystem } from '../pool/system-error.ts';

/** A file that may be a pool; or why a path is none. */
export interface FoundFile {
  path: string;
  problem?: string;
  /** Whether the user named it, instead of a folder that it is in. */
  isNamed: boolean;
}

/** What stands for a pool in a folder of pools. */
const NUMBERED = /^\.kvp_pool_[0-4]$/;

/** Whether an entry of a folder is one of the pools that lie there on a VM. */
export function isPoolOfVm(entry: Dirent): boolean {
  return entry.isFile() && NUMBERED.test(entry.name);
}

/**
 * The given files, and the regular files in given folders and the folders in them, each once. Where a folder has the
 * pools of a VM, it is the one of the given number. Links, FIFOs and devices in a folder are passed over. Throws
 * `IoError` if a given path does not exist.
 */
export function poolFiles(given: readonly string[], pool: number): FoundFile[] {
  const found = new Map<string, FoundFile>();
  const add = (file: FoundFile): void => {
    if (!found.has(file.path)) found.set(file.path, file);
  };
  for (const path of given) {
    const stats = path === '-' ? undefined : statsOf(path);
    if (stats?.isDirectory()) for (const file of filesIn(path, pool)) add(file);
    else if (stats === undefined || stats.isFile()) add({ path, isNamed: true });
    else add({ path, problem: 'it is no regular file', isNamed: true });
  }
  return [...found.values()];
}

function statsOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (thrown) {
    throw thrownBySystem('open', path, thrown);
  }
}

function* filesIn(folder: string, pool: number): Iterable<FoundFile> {
  const folders = [folder];
  for (let path = folders.pop(); path !== undefined; path = folders.pop()) {
    let entries: Dirent[];
    try {
      entries = readdirSync(path, { withFileTypes: true });
    } catch (thrown) {
      yield { path, problem: messageOf(thrown), isNamed: path === folder };
      continue;
    }
    for (const entry of entries) {
      const { name } = entry;
      if (entry.isDirectory()) folders.push(join(path, name));
      else if (entry.isFile() && (!NUMBERED.test(name) || name === `.kvp_pool_${pool}`)) {
        yield { path: join(path, name), isNamed: false };
      }
    }
  }
}
