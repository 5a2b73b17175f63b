// Installs, bundles, compiles and runs the tarballs in artifacts/ in all ways that this machine allows: `npm run test:install [group…]`.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundlers, compilers, jest } from './install/bundles.mjs';
import { binaries, Cases, managers, runtimes, surroundings } from './install/cases.mjs';
import { startRegistry } from './install/registry.mjs';
import { installTools } from './install/tools.mjs';
import { output, run } from './tools.mjs';

const GROUPS = { binaries, surroundings, managers, runtimes, bundlers, jest, compilers };

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(GROUPS, name));
if (unknown !== undefined) {
  console.error(`there is no group ${unknown}: ${Object.keys(GROUPS).join(', ')}`);
  process.exit(2);
}
// Yarn looks for the platform packages of all machines.
if (!existsSync('artifacts')) run('npm', ['run', 'pack:all']);
await installTools();
const folder = mkdtempSync(join(tmpdir(), 'kvp-install-'));
// Other users run programs in it.
chmodSync(folder, 0o755);
mkdirSync(join(folder, 'registry'));
const registry = await startRegistry(
  join(folder, 'registry'),
  output('npm', ['config', 'get', 'registry']).trim(),
);
const cases = new Cases(folder, registry.url);
try {
  for (const [name, group] of Object.entries(GROUPS)) {
    if (asked.length === 0 || asked.includes(name)) await group(cases);
  }
} finally {
  registry.stop();
  rmSync(folder, { recursive: true, force: true });
}
const failed = cases.rows.filter(({ isGood }) => !isGood).length;
console.log(`${cases.rows.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
