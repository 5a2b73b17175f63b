import { constants, lstatSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LayerError, OptionError } from '../errors.ts';

/** What makes a file and its folders; a umask may only take rights away. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o755;
/** Descriptors of the process by name, which are links for everybody. */
const OWN_DESCRIPTOR = /^\/(?:dev\/(?:stdout|stderr|fd\/\d+)|proc\/self\/fd\/\d+)$/;

/**
 * Opens a file for appending, and makes it and its folders. The file must be no link, and a link to one of its folders
 * must be root's or the program's own: others could have root write where they like. A FIFO without a reader is an
 * error, it does not block. Throws `OptionError`, `LayerError` and the system's error.
 */
export function openLogFile(path: string): number {
  if (path === '' || path.includes('\0')) {
    throw new OptionError('writer', path, 'a path that is not empty and has no NUL');
  }
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY;
  if (OWN_DESCRIPTOR.test(path)) return openSync(path, flags, FILE_MODE);
  checkLinks(dirname(resolve(path)));
  makeFolders(dirname(path));
  try {
    return openSync(path, flags | O_NOFOLLOW, FILE_MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') {
      (error as Error).message = `ELOOP: ${path} is a link, which is not followed; name the file itself`;
    }
    throw error;
  }
}

/** Throws for a folder, or one around it, that is a link of another user's. */
function checkLinks(folder: string): void {
  for (let at = folder; dirname(at) !== at; at = dirname(at)) {
    const stat = lstatSync(at, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() !== true || stat.uid === 0 || stat.uid === process.geteuid?.()) continue;
    throw new LayerError(
      `${at} is a link of user ${stat.uid}, which is not followed; only links of root and of this process's user are`,
    );
  }
}

/** Makes folders one by one: `recursive` never ends if a folder can't be made, as in /proc. */
function makeFolders(path: string): void {
  try {
    mkdirSync(path, FOLDER_MODE);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolders(dirname(path));
    mkdirSync(path, FOLDER_MODE);
  }
}
