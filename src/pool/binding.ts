import type * as Binding from '../../binding.d.cts';
import { BindingError, CutShortError, errorOf, isError, type KvpError, messageOf, OptionError } from '../errors.ts';
import { booleanOption, type Checks, readOptions } from '../option.ts';
import { variable } from '../tracing/environment.ts';
import { printLine } from '../tracing/print-line.ts';
import { loadAddon } from './binding/load-addon.ts';
import type { Backend } from './pool-writer.ts';
import { systemError } from './system-error.ts';

export type { Binding };

const VARIABLE = 'KVP_TRACING_BACKEND';

let loaded: { binding?: typeof Binding; failure?: BindingError } | undefined;
let isTold = false;

function load(): { binding?: typeof Binding; failure?: BindingError } {
  if (loaded === undefined) {
    try {
      loaded = { binding: loadAddon() as typeof Binding };
    } catch (thrown) {
      const message = `the native core can't be loaded: ${messageOf(thrown)}`;
      const cause = isError(thrown) ? (thrown.cause ?? thrown) : thrown;
      loaded = { failure: new BindingError('ERR_KVP_BINDING', message, { cause }) };
    }
  }
  return loaded;
}

interface BackendOptions {
  /** Whether nothing is printed where the fallback writes. Default `false`. */
  quiet?: boolean | undefined;
}

const OPTIONS: Checks<BackendOptions> = { quiet: booleanOption };

/**
 * Chooses the backend of this process. The variable `KVP_TRACING_BACKEND` demands `native` or `js`. Its
 * default, `auto`, means the native core if it can be loaded, otherwise the fallback, about which one line
 * is printed unless `quiet`; off Linux, where there is no native core, only if the variable says `auto`.
 * Throws `BindingError` if the native core is demanded and can't be loaded, `OptionError` for another value.
 *
 * @example
 * ```ts
 * console.log(backend({ quiet: true })); // 'native' or 'js'
 * ```
 */
export function chooseBackend(options?: BackendOptions): Backend {
  const { quiet = false } = readOptions(OPTIONS, options);
  const given = variable(VARIABLE);
  const asked = given || 'auto';
  if (asked === 'js') return 'js';
  if (asked !== 'native' && asked !== 'auto') throw new OptionError(VARIABLE, asked, 'native, js or auto');
  const { failure } = load();
  if (failure === undefined) return 'native';
  if (asked === 'native') throw demanded(failure);
  if (!isTold && !quiet && (given || process.platform === 'linux')) {
    isTold = true;
    printLine(`${failure.message}; writing from JavaScript instead (ERR_KVP_BINDING)`);
  }
  return 'js';
}

function demanded({ message, cause }: BindingError): BindingError {
  const cure = `${VARIABLE}=native demands it; without the variable the fallback writes`;
  return new BindingError('ERR_KVP_BINDING', `${message}; ${cure}`, { cause });
}

/** Why the native core can't be loaded; `undefined` if it can. Tries it. */
export function nativeFailure(): BindingError | undefined {
  return load().failure;
}

/** The native core. Call it only where `chooseBackend` returned `native`. */
export function nativeCore(): typeof Binding {
  return load().binding as typeof Binding;
}

/** Has writes to a descriptor fail where they would wait; returns whether they do: only where the native core is in use already. */
export function setNonblocking(fd: number): boolean {
  return loaded?.binding?.setNonblocking(fd) === true;
}

/** The error of this package's classes for a problem that the native core reports. */
export function fromNative(problem: Binding.Problem): KvpError {
  // Members that it has not got must not come from `Object.prototype`.
  const { code, message, errno, syscall, path } = Object.assign(
    Object.create(null) as Binding.Problem,
    problem,
  );
  if (errno !== undefined && syscall !== undefined && path !== undefined)
    return systemError(syscall, path, -errno);
  // Without a system call this code means a write that stopped half-way and could not be undone.
  if (code === 'ERR_KVP_IO' && syscall === undefined) return new CutShortError(code, message, { path });
  return errorOf(code, message, { errno: errno === undefined ? undefined : -errno, syscall, path });
}
