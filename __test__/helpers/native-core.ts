import type { ExecutionContext } from 'ava';
import { nativeCore } from '../../src/pool/binding.ts';
import { has } from './pool-folder.ts';

/** Whether a test of the native core's own border can run: the fallback has none. */
export function hasNativeCore(t: ExecutionContext): boolean {
  const isBuilt = nativeCore() !== undefined;
  return has(t, isBuilt ? undefined : 'missing the native core: https://rustup.rs, then npm run build');
}
