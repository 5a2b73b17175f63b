// The site of the pages: `npm run docs`. The same pages are read in the repository, so links between them are relative.
import { posix } from 'node:path';

const REPOSITORY = 'https://github.com/kvp-tracing/kvp-tracing';

/** Three bars of a timeline. */
const ICON =
  'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="%233f6ec8"><path d="M1 2h14v3H1zM4 6.5h8v3H4zM7 11h8v3H7z"/></svg>';

const page = (text, link) => ({ text, link: `/${link}` });

export default {
  title: 'kvp-tracing',
  description:
    "azure-init's tracing for Node.js: spans and events to the Azure host, OpenTelemetry and stderr",
  lang: 'en',
  cleanUrls: true,
  head: [['link', { rel: 'icon', href: ICON }]],
  // Made from comments in the source, so there is no page to edit.
  transformPageData: ({ relativePath, frontmatter }) => {
    if (relativePath.startsWith('reference/api/')) frontmatter.editLink = false;
  },
  lastUpdated: false,
  rewrites: { 'README.md': 'index.md' },
  // The reports of the public types are for reviews; the site has pages of each name instead.
  srcExclude: ['api/**'],
  // In texts such as `http://localhost:4318`.
  ignoreDeadLinks: 'localhostLinks',
  markdown: { config: (md) => md.core.ruler.push('leaving-links', leavingLinks) },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    editLink: { pattern: `${REPOSITORY}/edit/main/docs/:path` },
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    nav: [
      page('Guides', 'guides/first-trace'),
      page('Coming from Rust', 'coming-from-rust'),
      page('Reference', 'reference/options'),
      page('API', 'reference/api/'),
    ],
    sidebar: [
      page('Start here', ''),
      {
        text: 'Guides',
        items: [
          page('Your first trace', 'guides/first-trace'),
          page('A provisioning agent', 'guides/agent'),
          page('A VM extension', 'guides/extension'),
          page('A service with OpenTelemetry', 'guides/service'),
          page('Testing', 'guides/testing'),
          page('With pino', 'guides/pino'),
          page('Filters', 'guides/filters'),
          page('Secrets', 'guides/secrets'),
          page('Reading pools', 'guides/reading-pools'),
          page('A fleet of VMs', 'guides/fleet'),
          page('Coming from Rust', 'coming-from-rust'),
        ],
      },
      {
        text: 'Concepts',
        items: [
          page('Spans', 'concepts/spans'),
          page('Layers', 'concepts/layers'),
          page('The budget', 'concepts/budget'),
          page('Queue and locks', 'concepts/queue-and-locks'),
          page('What the host sees', 'concepts/host'),
          page('Stale pools', 'concepts/stale-pools'),
          page('Backends', 'concepts/backends'),
        ],
      },
      {
        text: 'Reference',
        items: [
          page('Options', 'reference/options'),
          page('Variables', 'reference/variables'),
          page('Errors', 'reference/errors'),
          page('Messages', 'reference/messages'),
          page('Command line', 'cli'),
          page('Spans, events and layers', 'reference/spans'),
          page('instrument', 'reference/instrument'),
          page('Filters', 'reference/filters'),
          page('What is redacted', 'reference/redaction'),
          page('Lines', 'reference/lines'),
          page('Pools as stores', 'reference/store'),
          page('Formats of pools', 'reference/formats'),
          page('Reading', 'reference/reading'),
          page('The report page', 'report'),
          page('Names', 'reference/names'),
          page('When a program ends', 'reference/ends'),
          page('OpenTelemetry', 'opentelemetry'),
          page('Trace context', 'reference/trace-context'),
          page('API', 'reference/api/'),
        ],
      },
      {
        text: 'Operations',
        items: [
          page('Platforms', 'platforms'),
          page('Running it', 'operations/running'),
          page('Troubleshooting', 'operations/troubleshooting'),
        ],
      },
      {
        text: 'Behind it',
        items: [
          page('Security', 'security'),
          page('Performance', 'performance'),
          page('Design', 'design'),
          page('Decisions', 'design/decisions'),
          page('Decisions: the pool', 'design/decisions-of-the-pool'),
          page('Decisions: OpenTelemetry', 'design/decisions-on-opentelemetry'),
          page('Decisions: the report page', 'design/decisions-of-the-report-page'),
          page('Adding a format', 'design/adding-a-format'),
          page('Where the time goes', 'design/where-the-time-goes'),
          page('Where the time of programs goes', 'design/where-the-time-of-programs-goes'),
          page('Where the time of spans goes', 'design/where-the-time-of-spans-goes'),
        ],
      },
    ],
  },
};

/** Has links that leave `docs` lead to the repository, and those to reports of types to the API's pages. */
function leavingLinks({ tokens, env }) {
  for (const token of tokens.flatMap(({ children }) => children ?? [])) {
    const href = token.type === 'link_open' ? token.attrGet('href') : null;
    if (href === null || /^(?:[a-z]+:|#|\/)/.test(href)) continue;
    const path = posix.join(posix.dirname(env.relativePath), href);
    if (path.startsWith('api/')) token.attrSet('href', '/reference/api/');
    if (path.startsWith('../')) token.attrSet('href', `${REPOSITORY}/blob/main/${path.slice(3)}`);
  }
}
