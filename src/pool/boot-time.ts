import { readFileSync } from 'node:fs';

/** When this system was booted, in seconds since 1970; `undefined` if that is not known. */
export function bootTime(): number | undefined {
  try {
    const line = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'));
    return line === null ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}
