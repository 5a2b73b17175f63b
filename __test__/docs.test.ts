import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { type Block, blocksOf, masked, pageText, shown } from './helpers/doc-page.ts';
import { GIVEN } from './helpers/doc-given.ts';
import { Reader } from './helpers/doc-run.ts';
import { ROOT } from './helpers/programs.ts';

/** Writes what is printed into the pages instead of comparing it. */
const WRITES = process.env['KVP_DOCS_WRITE'] === 'true';

/** Languages whose blocks are shown only, and why. A block of these with a name is a file of the page in any case. */
const NOT_RUN: Readonly<Record<string, string>> = {
  powershell: 'needs Windows with Hyper-V',
  rust: 'is there to be compared with',
  ini: 'is a unit of systemd, which no test may start',
  yaml: 'configures a program that is not here',
  diff: 'is applied by format.test.ts',
  sql: 'needs DuckDB; fleet-guide.test.ts runs it',
};

/** Commands that are shown only, by how their block begins, and why. */
const NOT_CALLED: readonly [start: string, reason: string][] = [
  ['az ', 'needs an account on Azure'],
  ['disk=$(az ', 'needs an account on Azure'],
  ['lsblk', "needs another VM's disk"],
  ['sudo cp', 'changes the system'],
  ['cd /opt/', 'needs what is installed there'],
  ['sudo npm', 'changes the system'],
  ['curl -fsSL', 'needs the network'],
  ['npm install @opentelemetry/sdk-node', 'needs the network; npm run test:sdk-matrix installs it'],
  ['npm ci', 'is what the tests themselves begin with'],
  ['kvp --pool external', 'needs what a host wrote'],
  ['kvp show --html report.html', 'needs the pool of a VM'],
  ['for image in', 'needs a collector; fleet-guide.test.ts runs it'],
];

/** Pages that are made from the sources. cli-examples.test.ts runs the examples of the command line. */
const NOT_HERE = /^(?:api\/.*|reference\/api\/.*|\.vitepress\/.*|cli\.md)$/;

/** All other pages. */
const PAGES = [
  'README.md',
  ...readdirSync(new URL('docs', ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !NOT_HERE.test(name))
    .map((name) => `docs/${name}`),
].sort();

/** How many readers there are at a time; each starts programs one after the other. */
const READERS = 3;
let reading = 0;
const waiting: (() => void)[] = [];

/** Waits for its turn, and gives it to the next one at the test's end. */
async function turn(t: ExecutionContext): Promise<void> {
  if (reading === READERS) await new Promise<void>((resolve) => waiting.push(resolve));
  else reading++;
  t.teardown(() => {
    const next = waiting.shift();
    if (next === undefined) reading--;
    else next();
  });
}

for (const page of PAGES) {
  const text = pageText(page);
  const blocks = blocksOf(text);
  if (blocks.length === 0) continue;
  test(`${page}: what its blocks say to type works, and prints what they show`, async (t) => {
    await turn(t);
    const reader = await Reader.on(t);
    GIVEN[page]?.(reader.folder);
    const printed = new Map<Block, string>();
    let output = '';
    for (const block of blocks) {
      if (block.name === 'output') printed.set(block, compared(t, page, block, output));
      else output = await tried(t, page, block, reader);
    }
    if (WRITES) rewritten(page, text, printed);
    t.pass();
  });
}

/** Writes or runs a block; what it printed. */
async function tried(t: ExecutionContext, page: string, block: Block, reader: Reader): Promise<string> {
  const at = `${page}:${block.line}`;
  const { language, name, code } = block;
  if (language === 'text') {
    t.true(['picture', 'grammar'].includes(name), `${at} is neither output, picture nor grammar`);
    return '';
  }
  if (name.includes('.')) {
    reader.write(name, code);
    return '';
  }
  if (language in NOT_RUN) return '';
  if (language === 'json') {
    t.notThrows(() => JSON.parse(code) as unknown, at);
    return '';
  }
  if (language === 'sh' && NOT_CALLED.some(([start]) => code.startsWith(start))) return '';
  t.true(['sh', 'js'].includes(language), `${at} is of a language that no test knows: ${language}`);
  const { output, status } = await reader.run(block);
  t.is(status, 0, `${at} failed:\n${output}`);
  return output;
}

function compared(t: ExecutionContext, page: string, { code, line }: Block, output: string): string {
  if (WRITES) return shown(output);
  t.not(code.trim(), '', `${page}:${line} shows no output`);
  // An ellipsis on a line of its own stands for any lines.
  const parts = masked(code).split(/\n?^…$\n?/m);
  if (parts.length === 1) t.is(masked(output), masked(code), `${page}:${line}`);
  else {
    let rest = masked(output);
    for (const part of parts) {
      t.true(rest.includes(part), `${page}:${line}: ${part}\nis not in\n${rest}`);
      rest = rest.slice(rest.indexOf(part) + part.length);
    }
  }
  return code;
}

/** The page with what was printed. A block with an ellipsis is left as it is. */
function rewritten(page: string, text: string, printed: ReadonlyMap<Block, string>): void {
  let result = text;
  for (const [block, output] of [...printed].reverse()) {
    if (/^…$/m.test(block.code) || masked(block.code) === masked(output)) continue;
    result = result.slice(0, block.start) + output + result.slice(block.end);
  }
  if (result !== text) writeFileSync(fileURLToPath(new URL(page, ROOT)), result);
}

test('each command that no test can run is on some page', (t) => {
  const codes = PAGES.flatMap((page) => blocksOf(pageText(page)));
  for (const [start] of NOT_CALLED)
    t.true(
      codes.some(({ language, code }) => language === 'sh' && code.startsWith(start)),
      start,
    );
  for (const language of Object.keys(NOT_RUN))
    t.true(
      codes.some((block) => block.language === language),
      language,
    );
});
