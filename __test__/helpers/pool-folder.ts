import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** A temporary folder that goes when the test is over. */
export function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kvp-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Where a test's pool lies. */
export function poolOf(t: ExecutionContext): string {
  return join(folderOf(t), '.kvp_pool_1');
}

/**
 * Whether a test that needs a real part can run. Where the part is missing the test is left out with a line
 * that says how to install it; with `CI=true` it fails.
 */
export function has(t: ExecutionContext, missing: string | undefined): boolean {
  if (missing === undefined) return true;
  if (process.env['CI'] === 'true') t.fail(missing);
  else {
    t.log(`left out: ${missing}`);
    t.pass();
  }
  return false;
}
