import type { KvpError } from '../errors.ts';
import { printLine } from '../tracing/print-line.ts';
import { chooseBackend } from './binding.ts';
import { FallbackWriter } from './fallback/fallback-writer.ts';
import { openNative } from './native/native-writer.ts';
import type { PoolWriter, WriterOptions } from './pool-writer.ts';
import { errnoText } from './system-error.ts';

/**
 * Opens a pool for writing diagnostics. A pool that can't be opened yet, because its folder is missing or for
 * another reason that passes, is opened when it can. Where the system refuses the native writer's thread, the
 * fallback writes, about which one line is printed. Throws `FieldError`, `NotAPoolFileError` or `IoError`, and
 * `BindingError` if the native core is demanded and can't be loaded.
 */
export function openWriter(given: WriterOptions): PoolWriter {
  // Without a prototype: what `Object.prototype` has is no option.
  const options = Object.assign(Object.create(null) as object, given);
  if (chooseBackend() === 'js') return new FallbackWriter(options);
  try {
    return openNative(options);
  } catch (error) {
    if ((error as KvpError).syscall !== 'clone') throw error;
    sayNoThread(error as KvpError);
    return new FallbackWriter(options);
  }
}

let saidNoThread = false;

function sayNoThread({ code, errno = 0 }: KvpError): void {
  if (saidNoThread) return;
  saidNoThread = true;
  const why = `the system refuses a thread for the native writer: ${errnoText(errno)}`;
  printLine(`${why}; writing from JavaScript instead (${code})`);
}
