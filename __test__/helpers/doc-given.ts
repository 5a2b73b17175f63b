import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { item } from './host-exports.ts';
import { ROOT } from './programs.ts';

/** What a reader of a page has before he begins, and no command of the page makes. */
export const GIVEN: Readonly<Record<string, (folder: string) => void>> = {
  'docs/report.md': (folder) =>
    cpSync(new URL('__test__/fixtures/samples/diag-azure-init.kvp_pool', ROOT), join(folder, 'pool')),
  'docs/reference/reading.md': (folder) =>
    cpSync(new URL('__test__/fixtures/samples/diag-azure-init.kvp_pool', ROOT), join(folder, '.kvp_pool_1')),
  'docs/reference/formats.md': (folder) => {
    writeFileSync(join(folder, 'mkfs.log'), 'block group 0 written\n'.repeat(500));
  },
  // The pool that is downloaded, and what a Hyper-V host shows of it.
  'docs/guides/reading-pools.md': (folder) => {
    const pool = new URL('examples/pools/failed.json', ROOT);
    cpSync(pool, join(folder, 'failed.json'));
    const records = JSON.parse(readFileSync(pool, 'utf8')) as { key: string; value: string }[];
    const items = records.map(({ key, value }) => item([key, value]));
    writeFileSync(join(folder, 'items.xml'), items.join('\r\n'));
  },
};
