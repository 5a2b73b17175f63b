import { renderToString } from 'preact-render-to-string';
import type { PageModel, StaticPage } from '../../page-model.ts';
import { Answer } from '../answer.tsx';
import { escapeHtml } from './html.ts';
import { tablesHtml } from './tables.ts';
import { treeHtml } from './tree.ts';

/** The page without a script: the answer, which the script takes over, and the tree and the tables, which it replaces. */
function renderStatic(model: PageModel): string {
  const { head } = model;
  const answer = renderToString(<Answer head={head} zone="utc" />);
  return `<header class="top"><p class="brand">Provisioning report · <bdi>${escapeHtml(head.answer.path)}</bdi></p><div id="settings"></div></header>
<main><div id="answer">${answer}</div>
<div id="explorer"></div>
<noscript id="static"><div class="static">${treeHtml(model)}${tablesHtml(model)}</div></noscript>
<div id="paper"></div></main>
<footer>Made by kvp-tracing ${escapeHtml(head.version)}. This file needs no network and runs no script but its own.</footer>
`;
}

// What dist/report-page/static.cjs exports.
export { escapeHtml, renderStatic };
({ renderStatic, escapeHtml }) satisfies StaticPage;
