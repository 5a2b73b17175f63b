import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { brotliDecompressSync } from 'node:zlib';
import type { StaticPage } from './page-model.ts';

/** What scripts/build-report-page.mjs makes of the folder `page`; as far from the sources as from what is built of them. */
const BUILT = '../../dist/report-page/';

/** The page without data, cut where the title, the content and the data belong. */
export function builtPage(): { parts: readonly string[]; page: StaticPage } {
  const html = brotliDecompressSync(readFileSync(new URL(`${BUILT}page.html.br`, import.meta.url)));
  const parts = html.toString().split('<!--here-->');
  const page = createRequire(import.meta.url)(`${BUILT}static.cjs`) as StaticPage;
  return { parts, page };
}
