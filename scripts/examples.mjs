// Writes the programs of the guides into folders of examples/. With `--check` it writes nothing and fails on a change.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folders, and the pages that their programs are from. */
const PAGES = {
  agent: 'docs/guides/agent.md',
  extension: 'docs/guides/extension.md',
  service: 'docs/guides/service.md',
  testing: 'docs/guides/testing.md',
  pino: 'docs/guides/pino.md',
  fleet: 'docs/guides/fleet.md',
};

const isCheck = process.argv.includes('--check');
for (const [folder, page] of Object.entries(PAGES)) {
  const blocks = readFileSync(page, 'utf8').matchAll(/^```\w+ ([\w.-]+\.\w+)\n(.*?)^```$/gms);
  for (const [, name, code] of blocks) write(join('examples', folder, name), code);
}

function write(path, code) {
  if (existsSync(path) && readFileSync(path, 'utf8') === code) return;
  if (isCheck) {
    console.error(`${path} is not what its guide says: npm run examples writes it anew.`);
    process.exitCode = 1;
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, code);
}
