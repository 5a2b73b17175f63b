import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { StaticPage } from './page-model.ts';

/** What scripts/build-report-page.mjs makes of the folder `page`; as far from the sources as from what is built of them. */
const BUILT = '../../dist/report-page/';

/** The page without data, cut where the title, the content and the data belong. */
export function builtPage(): { parts: readonly string[]; page: StaticPage } {
  const parts = readFileSync(new URL(`${BUILT}page.html`, import.meta.url), 'utf8').split('<!--here-->');
  const page = createRequire(import.meta.url)(`${BUILT}static.cjs`) as StaticPage;
  return { parts, page };
}
