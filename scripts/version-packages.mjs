// Makes a version of the changes in .changeset: of all packages at once, and in CHANGELOG.md. `npm run version-packages`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { run } from './tools.mjs';

const CHANGESETS = '@changesets/cli@2.31.1';
const UNRELEASED = '## Unreleased\n';

const names = readdirSync('.changeset').filter((name) => name.endsWith('.md') && name !== 'README.md');
if (names.length === 0) {
  console.error('there is no change in .changeset: nothing to release');
  process.exit(1);
}
const changelog = readFileSync('CHANGELOG.md', 'utf8');
if (!changelog.includes(UNRELEASED)) {
  console.error('CHANGELOG.md has no section "Unreleased"');
  process.exit(1);
}
const items = names.map((name) => itemOf(readFileSync(`.changeset/${name}`, 'utf8')));
run('npx', ['--yes', CHANGESETS, 'version']);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const [day] = new Date().toISOString().split('T');
const section = `${UNRELEASED}\n## ${version} - ${day}\n\n${items.join('\n')}\n`;
writeFileSync(
  'CHANGELOG.md',
  changelog.replace(UNRELEASED, () => section),
);
run('node', ['scripts/set-version.mjs', version]);
run('prettier', ['--log-level=warn', '--write', 'CHANGELOG.md', 'package.json']);

/** The text behind the front matter, as an item of a list. */
function itemOf(change) {
  const text = change.replace(/^---\n.*?\n---\n/s, '').trim();
  return `- ${text.replaceAll('\n', '\n  ')}`;
}
