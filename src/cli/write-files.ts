import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { IoError } from '../errors.ts';
import { fileError } from '../pool/system-error.ts';

/** A file to write; the name is no path. */
export interface NewFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Writes files into a folder, which is made if it is missing, with rights for their owner alone; returns their paths.
 * They are written elsewhere in it and then named, so that none is ever there in part. What is there already is an error,
 * unless `force` replaces it; a link is never followed. Throws `IoError`.
 */
export function writeFiles(
  folder: string,
  files: readonly NewFile[],
  force: boolean,
  remedy = ANOTHER_FOLDER,
): string[] {
  call('mkdir', folder, () => {
    try {
      mkdirSync(folder, 0o700);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  });
  for (const { name } of files) checkPlace(join(folder, name), force, remedy);
  const draft = call('mkdir', folder, () => mkdtempSync(join(folder, '.kvp-')));
  const published: string[] = [];
  try {
    files.forEach(({ bytes }, index) => writeNew(join(draft, String(index)), bytes));
    files.forEach(({ name }, index) => {
      const path = join(folder, name);
      publish(join(draft, String(index)), path, force, remedy);
      published.push(path);
    });
    return published;
  } catch (error) {
    if (!force) for (const path of published) rmSync(path, { force: true });
    throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** What to do where the place of a file is taken. */
const ANOTHER_FOLDER = 'Give another folder by -o';

/** Writes one file as `writeFiles` does, into a folder that is there; returns its path. */
export function writeOneFile(path: string, text: string, force: boolean): string {
  const folder = dirname(path);
  const name = basename(path);
  call('stat', folder, () => statSync(folder));
  const [written] = writeFiles(folder, [{ name, bytes: Buffer.from(text) }], force, 'Give another path');
  return written as string;
}

/** Throws for a place that is taken. */
function checkPlace(path: string, force: boolean, remedy: string): void {
  const found = call('stat', path, () => lstatSync(path, { throwIfNoEntry: false }));
  if (found === undefined || (force && !found.isDirectory())) return;
  throw found.isDirectory()
    ? new IoError('ERR_KVP_IO', `${path} is a folder; nothing was written. ${remedy}`, { path })
    : taken(path, remedy);
}

function taken(path: string, remedy: string): IoError {
  const all = `${remedy}, or --force to replace it`;
  return new IoError('ERR_KVP_IO', `${path} is there already; nothing was written. ${all}`, { path });
}

function writeNew(path: string, bytes: Uint8Array): void {
  call('write', path, () => {
    const file = openSync(path, NEW, 0o600);
    try {
      writeFileSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  });
}

/** Names a file that is whole. */
function publish(from: string, path: string, force: boolean, remedy: string): void {
  if (force) return call('rename', path, () => renameSync(from, path));
  try {
    linkSync(from, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw taken(path, remedy);
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') {
      throw fileError('link', path, error);
    }
    // A file system without links: the name is taken first.
    call('open', path, () => closeSync(openSync(path, NEW, 0o600)));
    try {
      call('rename', path, () => renameSync(from, path));
    } catch (thrown) {
      unlinkSync(path);
      throw thrown;
    }
  }
}

function call<R>(syscall: string, path: string, act: () => R): R {
  try {
    return act();
  } catch (thrown) {
    throw fileError((thrown as NodeJS.ErrnoException).syscall ?? syscall, path, thrown);
  }
}
