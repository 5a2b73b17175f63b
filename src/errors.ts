import { types } from 'node:util';
import { printable } from './printable.ts';

/** Details of a failure besides its code and message. */
export interface Details {
  /** The operating system's error number, negative as in Node.js. */
  errno?: number | undefined;
  /** The system call that failed. */
  syscall?: string | undefined;
  /** The file that the failure is about. */
  path?: string | undefined;
  /** What caused it. */
  cause?: unknown;
}

/** Gives the errors of a class their name. It is defined, because an assignment fails where `Error.prototype` is frozen. */
export function nameErrors({ prototype }: { prototype: Error }, name: string): void {
  Object.defineProperty(prototype, 'name', { value: name, configurable: true, writable: true });
}

/**
 * Base of all errors of this package. `code` is stable; the message says what was given, and the limit. Each with its
 * cause and cure: https://github.com/kvp-tracing/kvp-tracing/blob/main/docs/reference/errors.md
 *
 * @example
 * ```ts
 * try {
 *   await openPool('/nowhere/pool').append('key', 'value');
 * } catch (thrown) {
 *   if (thrown instanceof KvpError) console.log(thrown.code, thrown.path);
 * }
 * ```
 */
export class KvpError extends Error {
  static {
    nameErrors(this, 'KvpError');
  }
  readonly code: string;
  // Only declared, because `inspect` would print a member that is undefined.
  declare readonly errno?: number;
  declare readonly syscall?: string;
  declare readonly path?: string;

  constructor(code: string, message: string, details: Details = {}) {
    super(printable(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    if (details.errno !== undefined) this.errno = details.errno;
    if (details.syscall !== undefined) this.syscall = details.syscall;
    if (details.path !== undefined) this.path = details.path;
  }
}

/** `ERR_KVP_INVALID_OPTION`: an option or an environment variable has a value that is not allowed. */
export class OptionError extends KvpError {
  static {
    nameErrors(this, 'OptionError');
  }
  constructor(option: string, given: unknown, expected: string, cause?: unknown) {
    super('ERR_KVP_INVALID_OPTION', `${option} must be ${expected}, not ${describe(option, given)}`, {
      cause,
    });
  }

  /**
   * Puts the name of the section before the option's: `kvp.path` for `path`. A variable of the environment, as
   * `KVP_TRACING_BACKEND`, is in no section.
   *
   * @internal
   */
  within(section: string): this {
    return /^[A-Z\d_]+ /.test(this.message) ? this : this.#say(`${section}.${this.message}`);
  }

  /**
   * For what goes on without the value.
   *
   * @internal
   */
  static ignored(option: string, given: unknown, expected: string): OptionError {
    const error = new OptionError(option, given, expected);
    return error.#say(`${error.message}; it is ignored`);
  }

  /**
   * There is no option `name` in `section`, `known` are those that there are. The message also says which of them may
   * be meant.
   *
   * @internal
   */
  static unknown(section: string, name: string, known: readonly string[], meant: string): OptionError {
    const all =
      known.length > 1 ? `${known.slice(0, -1).join(', ')} and ${known.at(-1)}` : `${known[0]} alone`;
    const error = new OptionError(section, name, `of ${all}`);
    return error.#say(`${error.message}; did you mean ${meant}?`);
  }

  #say(message: string): this {
    // V8 puts the stack together when it is first asked for, with the message of that time.
    const { message: before, stack } = this;
    this.message = printable(message);
    if (typeof stack === 'string') this.stack = stack.replace(before, () => this.message);
    return this;
  }
}

/** `ERR_KVP_INVALID_FILTER`: a part of an `EnvFilter`'s text is not a directive. */
export class FilterError extends KvpError {
  static {
    nameErrors(this, 'FilterError');
  }
  /** The part that is not a directive. */
  readonly part: string;

  constructor(part: string, why: string, cause?: unknown) {
    super('ERR_KVP_INVALID_FILTER', `invalid filter directive ${describe('', part)}: ${why}`, { cause });
    this.part = part;
  }
}

/** `ERR_KVP_INVALID_FIELD`, `ERR_KVP_FIELD_TOO_LONG`: a field of a key breaks the diagnostics contract. */
export class FieldError extends KvpError {
  static {
    nameErrors(this, 'FieldError');
  }
}

/** `ERR_KVP_EMPTY_KEY`: a record needs a key. */
export class EmptyKeyError extends KvpError {
  static {
    nameErrors(this, 'EmptyKeyError');
  }
  constructor(record?: number) {
    super('ERR_KVP_EMPTY_KEY', `KVP key must not be empty${at(record)}`);
  }
}

/** `ERR_KVP_KEY_TOO_LONG`: a key has more bytes of UTF-8 than the limit. */
export class KeyTooLongError extends KvpError {
  static {
    nameErrors(this, 'KeyTooLongError');
  }
  constructor(actual: number, limit: number, record?: number) {
    super('ERR_KVP_KEY_TOO_LONG', `KVP key length (${actual}) exceeds maximum (${limit})${at(record)}`);
  }
}

/** `ERR_KVP_VALUE_TOO_LONG`: a value has more bytes of UTF-8 than the limit. */
export class ValueTooLongError extends KvpError {
  static {
    nameErrors(this, 'ValueTooLongError');
  }
  constructor(actual: number, limit: number, record?: number) {
    super('ERR_KVP_VALUE_TOO_LONG', `KVP value length (${actual}) exceeds maximum (${limit})${at(record)}`);
  }
}

/** `ERR_KVP_NUL`: a key or value has a NUL, at which the host would cut it. */
export class NulError extends KvpError {
  static {
    nameErrors(this, 'NulError');
  }
  constructor(field: 'key' | 'value', record?: number) {
    super('ERR_KVP_NUL', `KVP ${field} must not contain NUL${at(record)}`);
  }
}

/** Names the record of a list that is wrong. */
function at(record: number | undefined): string {
  return record === undefined ? '' : ` (record ${record})`;
}

/** `ERR_KVP_POOL_FULL`: a pool would have more keys or records than it may. */
export class PoolFullError extends KvpError {
  static {
    nameErrors(this, 'PoolFullError');
  }
}

/** `ERR_KVP_TOO_LARGE`: a payload or a file has more bytes than the limit. */
export class TooLargeError extends KvpError {
  static {
    nameErrors(this, 'TooLargeError');
  }
  constructor(message: string, details?: Details) {
    super('ERR_KVP_TOO_LARGE', message, details);
  }
}

/** `ERR_KVP_MALFORMED_POOL`: a file can't be a pool, or ends in the middle of a record that another process may be writing. */
export class MalformedPoolError extends KvpError {
  static {
    nameErrors(this, 'MalformedPoolError');
  }
}

/**
 * `ERR_KVP_MALFORMED_REPORT`: a text or fields are not a provisioning report. `ERR_KVP_FOREIGN_REPORT`: the pool has
 * a report of another program.
 */
export class ReportError extends KvpError {
  static {
    nameErrors(this, 'ReportError');
  }
}

/** `ERR_KVP_LOCK_TIMEOUT`: another process held a lock for longer than `lockTimeout`. */
export class LockTimeoutError extends KvpError {
  static {
    nameErrors(this, 'LockTimeoutError');
  }
}

/** `ERR_KVP_CLOSED`: a store was used after its `close()`. */
export class ClosedError extends KvpError {
  static {
    nameErrors(this, 'ClosedError');
  }
}

/** `ERR_KVP_READ_ONLY`: a change was asked of a store that is opened with `readOnly`. */
export class ReadOnlyError extends KvpError {
  static {
    nameErrors(this, 'ReadOnlyError');
  }
}

/** `ERR_KVP_NOT_A_POOL_FILE`: a path leads to a folder, a link, a FIFO, a socket or a device. */
export class NotAPoolFileError extends KvpError {
  static {
    nameErrors(this, 'NotAPoolFileError');
  }
}

/** `ERR_KVP_IO`: a system call failed; see `errno`, `syscall` and `path`. */
export class IoError extends KvpError {
  static {
    nameErrors(this, 'IoError');
  }
}

/** `ERR_KVP_IO`: a part of a write stays in the file, because another process appended behind it. */
export class CutShortError extends IoError {
  static {
    nameErrors(this, 'CutShortError');
  }
}

/** `ERR_KVP_NO_LOCK`: an operation needs a lock that is not available here. */
export class NoLockError extends KvpError {
  static {
    nameErrors(this, 'NoLockError');
  }
}

/** `ERR_KVP_NO_MEMORY`: the system refused memory; the message says how much, what for, and what to do. */
export class NoMemoryError extends KvpError {
  static {
    nameErrors(this, 'NoMemoryError');
  }
}

/** `ERR_KVP_BINDING`: the native core can't be loaded; see `cause`. */
export class BindingError extends KvpError {
  static {
    nameErrors(this, 'BindingError');
  }
}

/** `ERR_KVP_SUBSCRIBER_SET`: a global default subscriber is set already. */
export class SubscriberSetError extends KvpError {
  static {
    nameErrors(this, 'SubscriberSetError');
  }
  constructor() {
    super(
      'ERR_KVP_SUBSCRIBER_SET',
      'a global default subscriber is set already; shut it down before setting another one',
    );
  }
}

/** `ERR_KVP_LAYER`: a layer threw, could not be set up, or did not finish in time; see `cause`. */
export class LayerError extends KvpError {
  static {
    nameErrors(this, 'LayerError');
  }
  constructor(message: string, cause?: unknown) {
    super('ERR_KVP_LAYER', message, { cause });
  }
}

/** `ERR_KVP_DROPPED`: records were lost; the message says how many and why. */
export class DroppedError extends KvpError {
  static {
    nameErrors(this, 'DroppedError');
  }
  constructor(message: string) {
    super('ERR_KVP_DROPPED', message);
  }
}

/** `ERR_KVP_EXPORT`: OpenTelemetry's exporter or provider did not take the spans of a replay; see `cause`. */
export class ExportError extends KvpError {
  static {
    nameErrors(this, 'ExportError');
  }
  constructor(message: string, cause?: unknown) {
    super('ERR_KVP_EXPORT', message, { cause });
  }
}

/** `ERR_KVP_MISSING_PEER`: an optional package is needed and not installed; the message names it. */
export class MissingPeerError extends KvpError {
  static {
    nameErrors(this, 'MissingPeerError');
  }
  constructor(packages: string, cause: unknown, command = `npm install ${packages}`) {
    super('ERR_KVP_MISSING_PEER', `exporting needs ${packages}: ${command}`, { cause });
  }
}

const CLASSES: Record<string, typeof KvpError> = {
  ERR_KVP_INVALID_FIELD: FieldError,
  ERR_KVP_FIELD_TOO_LONG: FieldError,
  ERR_KVP_NOT_A_POOL_FILE: NotAPoolFileError,
  ERR_KVP_IO: IoError,
  ERR_KVP_NO_LOCK: NoLockError,
  ERR_KVP_NO_MEMORY: NoMemoryError,
  ERR_KVP_POOL_FULL: PoolFullError,
  ERR_KVP_MALFORMED_POOL: MalformedPoolError,
};

/** An error of the class that `code` belongs to. */
export function errorOf(code: string, message: string, details?: Details): KvpError {
  return new (CLASSES[code] ?? KvpError)(code, message, details);
}

/** Whether a value is an Error, of whatever realm. A proxy that is revoked or whose traps throw is none. Never throws. */
export function isError(value: unknown): value is Error {
  // `isNativeError` is a call out of JavaScript, and most values are no objects.
  if (typeof value !== 'object' && typeof value !== 'function') return false;
  try {
    return value instanceof Error || types.isNativeError(value);
  } catch {
    return false;
  }
}

/** The message of a thrown value, on one line that a terminal can show. */
export function messageOf(thrown: unknown): string {
  try {
    return printable(String(isError(thrown) ? thrown.message : thrown).replaceAll(/\r?\n/g, ' '));
  } catch {
    return 'a value without a text';
  }
}

/** Options and variables whose values are not shown, because they authenticate. */
const SECRET_OPTION = /header|certificate|key|token|secret|password/i;
/** Characters of an option's text that a message shows. */
const DESCRIBED_MAX = 128;

function describe(option: string, given: unknown): string {
  if (typeof given === 'string') {
    if (SECRET_OPTION.test(option)) return '"…"';
    const shown = withoutCredentials(given);
    const more = shown.length - DESCRIBED_MAX;
    return JSON.stringify(shown.slice(0, DESCRIBED_MAX)) + (more > 0 ? ` and ${more} characters` : '');
  }
  if (typeof given === 'function') return isClass(given) ? `the class ${nameOf(given)}` : 'a function';
  if (typeof given !== 'object' || given === null) return String(given);
  if (Array.isArray(given)) return 'a list';
  return types.isPromise(given) ? 'a promise; was await forgotten?' : 'an object';
}

function nameOf(given: object): string {
  const name: unknown = Object.getOwnPropertyDescriptor(given, 'name')?.value;
  return typeof name === 'string' ? name.slice(0, DESCRIBED_MAX) : '';
}

/** Whether a function is a class, builtin or not: its property `prototype` is not writable; that of a function is. */
export function isClass(given: unknown): boolean {
  return (
    typeof given === 'function' && Object.getOwnPropertyDescriptor(given, 'prototype')?.writable === false
  );
}

/** A text that may be a URL, without what stands before an `@`, behind a `?` or behind a `#`. */
function withoutCredentials(text: string): string {
  const shown = text.replace(/^([a-z][a-z0-9+.-]*:(?=[/\\]))?([/\\]*)[^]*@/i, '$1$2…@');
  return /[:/=]/.test(shown) ? shown.replace(/[?#][^]*$/, '?…') : shown;
}
