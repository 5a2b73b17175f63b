import { readFileSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { format, resolveConfig } from 'prettier';
import { COMMANDS, READING } from './helpers/messages/of-commands.ts';
import { OPENTELEMETRY } from './helpers/messages/of-opentelemetry.ts';
import { FILTERS, OPTIONS } from './helpers/messages/of-options.ts';
import { LAYERS, LINES } from './helpers/messages/of-outputs.ts';
import { POOLS, REPORTS } from './helpers/messages/of-pools.ts';
import type { Origin, Row } from './helpers/messages/row.ts';
import { sourceMessages } from './helpers/source-messages.ts';
import { ROOT } from './helpers/programs.ts';

const PAGE = new URL('docs/reference/messages.md', ROOT);
const WRITES = process.env['KVP_DOCS_WRITE'] === 'true';

const START = `# Messages

What the package says when something is wrong: what was given, what is allowed, and what to do. [Errors](errors.md) has the codes, by which programs tell errors apart; this page has the texts, to search for. \`…\` stands for what differs.

This page is made from the errors themselves, which a test brings about one by one.
`;

/** The sections of the page. */
const SECTIONS: readonly [title: string, rows: readonly Row[]][] = [
  ['Options', OPTIONS],
  ['Filters', FILTERS],
  ['Pools and records', POOLS],
  ['Reports', REPORTS],
  ['Layers', LAYERS],
  ['Lines', LINES],
  ['OpenTelemetry', OPENTELEMETRY],
  ['What is read and shown', READING],
  ['The command line', COMMANDS],
];

/** What a text says apart from where and when. */
function general(text: string): string {
  return text
    .replaceAll(/\/tmp\/kvp-test-\w+/g, '/var/lib/hyperv')
    .replaceAll(/(?<=ENOENT: |EACCES: ).*$/gm, '…')
    .trim();
}

/** What an error says. */
async function said(t: ExecutionContext, of: Exclude<Origin, { text: string }>): Promise<string | undefined> {
  let result: unknown;
  try {
    result = await of(t);
  } catch (thrown) {
    result = thrown;
  }
  return result instanceof Error ? general(result.message) : undefined;
}

const written: string[][] = SECTIONS.map(() => []);
const read = (name: string | URL): string => readFileSync(new URL(name, ROOT), 'utf8');
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

for (const [index, [title, rows]] of SECTIONS.entries()) {
  test.serial(`${title}: each text is what docs/reference/messages.md says`, async (t) => {
    const page = WRITES ? '' : read(PAGE);
    const wrong: string[] = [];
    for (const { of, cure } of rows) {
      const text = typeof of === 'function' ? await said(t, of) : of.text;
      if (text === undefined) wrong.push(`no error: ${String(of)}`);
      else if (typeof of !== 'function' && !read(`__test__/${of.in}`).includes(of.has ?? of.text))
        wrong.push(`${of.in} has no ${of.has ?? of.text}`);
      else if (!WRITES && !page.includes(cell(text))) wrong.push(`not on the page: ${text}`);
      written[index]?.push(`| \`\`${cell(text ?? '')}\`\` | ${cell(cure)} |`);
    }
    t.deepEqual(wrong, []);
  });
}

test.serial('the page is written anew where that is asked for', async (t) => {
  if (!WRITES) return t.pass();
  const parts = SECTIONS.map(
    ([title], index) =>
      `## ${title}\n\n| says | what to do |\n| --- | --- |\n${written[index]?.join('\n')}\n`,
  );
  const options = { ...(await resolveConfig(PAGE)), parser: 'markdown' };
  writeFileSync(PAGE, await format([START, ...parts].join('\n'), options));
  return t.pass();
});

/** Texts that reach nobody by themselves, and why. */
const INNER: readonly [text: string, reason: string][] = [
  ['the allowance is exceeded', 'the reader catches it'],
  ['is no UUID', 'stands behind that the id of the VM can not be read'],
  ['Cannot find package', 'is the cause of ERR_KVP_MISSING_PEER'],
  ['the stream is full', 'stands behind that lines are lost'],
  ['write() threw nothing', 'stands behind that lines are lost'],
  ['write() rejected', 'stands behind that lines are lost'],
  ['the stream failed', 'stands behind that lines are lost'],
  ['the collector closed the connection', 'stands behind that OpenTelemetry could not export'],
  ['will not be children of ours', "OpenTelemetry's API refuses no context manager where there is none"],
  ['has more than', 'standard input would have to have 256 MiB; store.test.ts tries it of a file'],
  ['there are no fields in', 'braces without a field are refused before'],
  ['a path that is not empty and has no NUL', 'options refuse it before'],
  ['an absolute path here (', 'the folder of the process must be gone; relative-paths.test.ts tries it'],
];

test.serial('every text of the sources is on one of the two pages', (t) => {
  const pages = [PAGE, 'docs/reference/errors.md']
    .map((page) => read(page).replaceAll('\\|', '|'))
    .join('\n');
  const missing = sourceMessages().filter(({ parts }) => {
    const isInner = INNER.some(([text]) => parts.join('').includes(text));
    return !isInner && !pages.includes(longestOf(parts));
  });
  t.deepEqual(
    missing.map(({ at, parts }) => `${at}: ${parts.join('…')}`),
    [],
  );
});

function longestOf(parts: readonly string[]): string {
  return ([...parts].sort((a, b) => b.length - a.length)[0] ?? '').trim();
}
