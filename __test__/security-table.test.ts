import { readFileSync } from 'node:fs';
import test from 'ava';

const TABLE = readFileSync(new URL('../docs/security.md', import.meta.url), 'utf8').split(
  '## Who may do what to whom',
)[1] as string;
const ROWS = TABLE.split('\n')
  .filter((line) => /^\| (?!who |-)/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** The titles of the tests of a file, with `…` for what a template puts in. */
function titlesIn(file: string): string[] {
  const source = readFileSync(new URL(file, import.meta.url), 'utf8');
  const titles = source.matchAll(/^\s*test(?:\.serial)?\(\s*(['"`])(.*?)\1,/gm);
  return Array.from(titles, ([, , title = '']) => title.replaceAll(/\$\{[^}]*\}/g, '…'));
}

test('each row of docs/security.md names a test that there is, or a reason', (t) => {
  t.true(ROWS.length > 15);
  for (const [, , could, comes, proof = ''] of ROWS) {
    t.truthy(could && comes && proof, could);
    const [, file, title] = /^`(.+?\.test\.ts)`: (.+?)(?:\. [A-Z].*)?$/.exec(proof) ?? [];
    if (file === undefined || title === undefined) t.regex(proof, /^[A-Z].*\.$/, could);
    else t.true(titlesIn(file).includes(title), `${file}: ${title}`);
  }
});
