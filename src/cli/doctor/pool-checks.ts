import { accessSync, constants, existsSync, lstatSync, type Stats, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { getSystemErrorName } from 'node:util';
import type { BootOptions } from '../../diagnostics/summary/last-boot.ts';
import {
  LockTimeoutError,
  MalformedPoolError,
  messageOf,
  NoMemoryError,
  NotAPoolFileError,
} from '../../errors.ts';
import { RECORD_SIZE } from '../../pool/limits.ts';
import { openPool } from '../../pool/open-pool.ts';
import { readPoolBytes } from '../../pool/read-pool.ts';
import { Date, wallMillis } from '../../tracing/timers.ts';
import { InputBoot } from '../boots.ts';
import { Input } from '../input.ts';
import { DEFAULT_MAX_RECORDS } from '../../pool/store-options.ts';
import { thrownBySystem } from '../../pool/system-error.ts';
import { shellWord } from '../shell-word.ts';
import { counted } from '../counted.ts';
import { type Check, checkOf } from './check.ts';
import { locksCheck } from './locks.ts';

/** The part of it at which a pool is nearly full. */
const NEARLY = 0.9;
/** Clocks differ a little, in milliseconds. */
const SLACK = 60_000;

/** What is looked at. */
export interface Examined {
  path: string;
  /** The options of `kvp` that choose this pool, with a space before them. */
  options: string;
  boot: BootOptions;
}

/** Whether the pool is there, can be written, and says what the host can read. */
export async function poolChecks(examined: Examined): Promise<Check[]> {
  const { path } = examined;
  let stat: Stats | undefined;
  try {
    stat = lstatSync(path, { throwIfNoEntry: false });
  } catch (thrown) {
    const names = ['mode', 'writable', 'disk', 'locks', 'defects', 'stale', 'budget'];
    const there = checkOf('pool').error(
      `${path} can't be looked at: ${messageOf(thrown)}`,
      fixOf(thrown, examined),
    );
    return [there, ...skippedChecks(names, "the pool can't be looked at"), clockCheck(undefined, undefined)];
  }
  const there = thereCheck(path, stat);
  if (stat === undefined || there.status !== 'ok') {
    const isFolder = stat === undefined && existsSync(dirname(path));
    return [
      there,
      ...skippedChecks(['mode'], NO_POOL),
      ...(isFolder
        ? [writableCheck(dirname(path), examined), diskCheck(path)]
        : skippedChecks(['writable', 'disk'], NO_POOL)),
      ...skippedChecks(['locks', 'defects', 'stale', 'budget'], NO_POOL),
      clockCheck(undefined, undefined),
    ];
  }
  const checks = [
    there,
    modeCheck(path, stat),
    writableCheck(path, examined),
    diskCheck(path),
    await locksCheck(path),
  ];
  let content: InputBoot;
  try {
    content = new InputBoot(new Input(path, readPoolBytes(path)), examined.boot);
  } catch (thrown) {
    checks.push(checkOf('defects').error(messageOf(thrown), fixOf(thrown, examined)));
    return [
      ...checks,
      ...skippedChecks(['stale', 'budget'], "the pool can't be read"),
      clockCheck(stat, undefined),
    ];
  }
  return [
    ...checks,
    defectsCheck(content, examined),
    staleCheck(content, examined),
    budgetCheck(content, examined),
    clockCheck(stat, content),
  ];
}

/** What to do about a pool that can't be looked at or read. */
function fixOf(thrown: unknown, examined: Examined): string {
  const error = thrownBySystem('open', examined.path, thrown);
  if (error instanceof NotAPoolFileError) return moveAway(examined.path);
  if (error instanceof LockTimeoutError) return 'end the program that keeps it locked, or wait for it';
  if (error instanceof NoMemoryError) return 'run it where a process may have more memory (ulimit -v)';
  if (error instanceof MalformedPoolError)
    return `kvp clear${examined.options}, if its records are not needed`;
  const code = error.errno === undefined ? '' : getSystemErrorName(error.errno);
  if (code === 'EACCES' || code === 'EPERM') return asRoot(examined);
  if (code === 'ELOOP' || code === 'ENAMETOOLONG') return 'give another folder by --dir';
  return 'dmesg says whether the disk has failed';
}

function asRoot({ options }: Examined): string {
  return `run it as root: sudo kvp doctor${options}`;
}

function moveAway(path: string): string {
  return `move it away: mv ${shellWord(path)} ${shellWord(`${path}.old`)}`;
}

const NO_POOL = 'there is no pool to look at';

function skippedChecks(names: readonly string[], why: string): Check[] {
  return names.map((name) => checkOf(name).skipped(why));
}

function thereCheck(path: string, stat: Stats | undefined): Check {
  const { ok, error } = checkOf('pool');
  const start = 'start the daemon, which makes it (systemctl start hv-kvp-daemon)';
  if (stat?.isFile()) return ok(`${path} is there`);
  if (stat !== undefined) {
    const what = stat.isSymbolicLink()
      ? 'a symbolic link'
      : stat.isDirectory()
        ? 'a folder'
        : 'no regular file';
    const away = stat.isDirectory() ? moveAway(path) : `rm ${shellWord(path)}`;
    return error(`${path} is ${what}: nobody writes to it`, `${away}, then ${start}`);
  }
  const folder = dirname(path);
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder) return error(`${path} is not there: nobody has written yet`, start);
  return error(`the folder ${folder} is not there: nobody can write`, start);
}

/** Whether others than root may change the pool, or put another in its place. */
function modeCheck(path: string, stat: Stats): Check {
  const { ok, warning, error } = checkOf('mode');
  const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
  const folder = statSync(dirname(path));
  const who = `mode ${mode}, owner ${stat.uid}`;
  if ((stat.mode & 0o022) !== 0)
    return error(`others may change the pool (${who})`, `chmod go-w ${shellWord(path)}`);
  // In a folder with the sticky bit others can't replace it.
  if ((folder.mode & 0o022) !== 0 && (folder.mode & 0o1000) === 0) {
    return error(
      `others may replace the pool: they may write to its folder`,
      `chmod go-w ${shellWord(dirname(path))}`,
    );
  }
  if (stat.uid !== 0) return warning(`the pool is not root's (${who})`, `chown root: ${shellWord(path)}`);
  return ok(`only root may change it (${who})`);
}

function writableCheck(path: string, examined: Examined): Check {
  const { ok, error } = checkOf('writable');
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return ok('it can be read and written');
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'EROFS') {
      return error(
        'its file system is read-only (EROFS)',
        'mount -o remount,rw; dmesg says whether the disk has failed',
      );
    }
    if (code === 'EPERM')
      return error("it can't be written, even by root (EPERM)", `chattr -i ${shellWord(path)}`);
    return error(`this user can't read and write it (${code})`, asRoot(examined));
  }
}

function diskCheck(path: string): Check {
  const { ok, warning, error, skipped } = checkOf('disk');
  const folder = dirname(path);
  let free: number;
  try {
    const { bsize, bfree, bavail } = statfsSync(folder);
    free = bsize * (process.getuid?.() === 0 ? bfree : bavail);
  } catch (thrown) {
    return skipped(`the system does not say how full it is: ${messageOf(thrown)}`);
  }
  const room = Math.floor(free / RECORD_SIZE);
  const fix = `make room on the file system of ${folder} (df ${shellWord(folder)})`;
  if (room === 0) return error('the disk is full: nothing more can be written', fix);
  if (room < DEFAULT_MAX_RECORDS)
    return warning(`the disk has room for ${counted(room, 'record')} only`, fix);
  return ok('the disk has room');
}

function defectsCheck({ input, summary }: InputBoot, { options }: Examined): Check {
  const { ok, error } = checkOf('defects');
  const [first] = input.defects;
  const { total } = summary.records;
  if (first === undefined) return ok(`none in ${counted(input.records.length, 'record')}`);
  const stop = summary.defects?.stop;
  const { record, reason, field } = stop ?? first;
  const count = input.defects.length;
  const which = count === 1 ? '' : `${counted(count, 'defect')}, ${stop ? 'one' : 'the first'} `;
  const where = `${which}in record ${record}${field === undefined ? '' : ` (its ${field})`}: ${reason}`;
  const effect = stop ? `; there the host stops, after ${stop.record} of ${counted(total, 'record')}` : '';
  return error(where + effect, `kvp repair${options}`);
}

/** By azure-init's rule, which is also that of the layer: by when the file was changed; then by what it says. */
function staleCheck({ input, boot }: InputBoot, { path, options }: Examined): Check {
  const { ok, warning } = checkOf('stale');
  if (input.records.length > 0 && openPool(path, { readOnly: true }).isStaleSync()) {
    const fix = `kvp clear --if-stale${options}; a layer on the default path does it when it starts`;
    return warning('it was last changed before this boot: all that it says is old', fix);
  }
  const { earlier, otherVms } = boot;
  const isEarlier = earlier.diagnostics.length + earlier.reports.length > 0;
  const isOther = otherVms.diagnostics.length + otherVms.reports.length > 0;
  if (!isEarlier && !isOther) return ok('it was changed since this boot');
  const whose = isEarlier ? 'of an earlier boot' : 'of another VM';
  const fix = `kvp clear${options}, before the next provisioning`;
  return warning(`it was changed since this boot, but a part of it is ${whose}`, fix);
}

function budgetCheck({ input, summary }: InputBoot, { options }: Examined): Check {
  const { ok, warning, error } = checkOf('budget');
  const { length } = input.records;
  const used = `${length.toLocaleString('en')} of ${counted(DEFAULT_MAX_RECORDS, 'record')}`;
  const fix = `kvp clear${options}, if they are not needed; else a larger maxRecords`;
  if (length >= DEFAULT_MAX_RECORDS) return error(`it is full (${used}): writers drop what comes`, fix);
  const [dropped] = summary.dropped;
  if (dropped !== undefined) {
    const { agent, message } = dropped;
    return warning(
      `${used}, but ${agent} says: ${message}`,
      'fewer levels in the filter, or a larger maxRecords',
    );
  }
  return length >= DEFAULT_MAX_RECORDS * NEARLY ? warning(`it is nearly full (${used})`, fix) : ok(used);
}

/** Whether the clock can be right: neither before this program was made, nor before what was written. */
function clockCheck(stat: Stats | undefined, content: InputBoot | undefined): Check {
  const { ok, error } = checkOf('clock');
  const now = wallMillis();
  const fix = 'let a time service set it (timedatectl set-ntp true), or chrony with /dev/ptp_hyperv';
  const text = new Date(now).toISOString();
  if (now < Date.UTC(2024, 0)) return error(`it says ${text}, which is long past`, fix);
  const changed = stat?.mtimeMs ?? 0;
  const last = Math.max(content?.boot.timeline.end?.getTime() ?? 0, changed);
  if (last <= now + SLACK) return ok(`it says ${text}`);
  const what = last === changed ? 'the pool was changed' : 'the pool has what happened';
  return error(`it says ${text}, but ${what} at ${new Date(last).toISOString()}: it was set back`, fix);
}
