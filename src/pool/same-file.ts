import { realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** Whether two paths lead to the same file, or would if it existed: by links of folders, mounts or hard links. */
export function isSameFile(one: string, other: string): boolean {
  if (resolve(one) === resolve(other)) return true;
  const [found, foundOther] = [statOf(one), statOf(other)];
  if (found !== undefined && foundOther !== undefined) return isSame(found, foundOther);
  return found === foundOther && placeOf(resolve(one)) === placeOf(resolve(other));
}

/** Whether both are of one file. */
export function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/** What there is at a path; `undefined` where there is nothing, or it can't be looked at. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The path without links, as far as it exists. */
function placeOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(placeOf(folder), basename(path));
  }
}
