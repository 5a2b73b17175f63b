/** What the package costs a program that starts, beside one that loads an empty package the same way. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quantile } from './measure.ts';

const PACKAGE = fileURLToPath(import.meta.resolve('kvp-tracing'));
const RUNS = 30;

interface Cost {
  /** Milliseconds of processor time until there, of all threads: other programs do not change it much. */
  milliseconds: number;
  megabytes: number;
}

/** Each step's costs over the empty package, or over the import, and what Node.js alone takes. */
export function startCosts(folder: string): { node: Cost; steps: Map<string, Cost> } {
  const dir = join(folder, 'start');
  mkdirSync(dir);
  writeFileSync(join(dir, 'empty.cjs'), 'exports.backend = () => {};');
  writeFileSync(join(dir, 'empty.mjs'), 'export const backend = () => {};');
  const required = (name: string): string => `const kvp = require(${JSON.stringify(name)});`;
  const imported = (name: string): string => `import * as kvp from ${JSON.stringify(name)};`;
  const setUp = (path: string): string =>
    `const tracing = await kvp.initializeTracing({ kvp: { path: ${JSON.stringify(join(dir, path))}, vmId: 'vm' }, stderr: { filter: 'info' } });`;
  const programs: Record<string, string> = {
    'node.cjs': '',
    'empty required.cjs': `${required('./empty.cjs')} kvp.backend();`,
    'empty imported.mjs': `${imported('./empty.mjs')} kvp.backend();`,
    'require.cjs': `${required(PACKAGE)} kvp.backend();`,
    'import.mjs': `${imported(PACKAGE)} kvp.backend();`,
    'set up.mjs': `${imported(PACKAGE)} kvp.backend(); ${setUp('a')}`,
    'first event.mjs': `${imported(PACKAGE)} kvp.backend(); ${setUp('b')} kvp.info('first'); await tracing.flush();`,
  };
  const measured = new Map(Object.keys(programs).map((name) => [name, [] as Cost[]]));
  for (const [name, text] of Object.entries(programs)) {
    const last =
      "const { user, system } = process.cpuUsage(); require('node:fs').writeSync(1, JSON.stringify({ milliseconds: (user + system) / 1000, megabytes: process.memoryUsage.rss() / 1e6 }));";
    const require =
      "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
    writeFileSync(join(dir, name), `${name.endsWith('.mjs') ? require : ''}${text}\n${last}`);
  }
  for (let run = 0; run < RUNS; run++) {
    for (const name of Object.keys(programs)) {
      const { stdout } = spawnSync(process.execPath, [join(dir, name)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      measured.get(name)?.push(JSON.parse(stdout) as Cost);
    }
  }
  if (statSync(join(dir, 'b')).size === 0) throw new Error('the first event is not in the file');
  const of = (name: string): Cost => {
    const costs = measured.get(name) ?? [];
    return {
      milliseconds: quantile(
        costs.map(({ milliseconds }) => milliseconds),
        0.5,
      ),
      megabytes: quantile(
        costs.map(({ megabytes }) => megabytes),
        0.5,
      ),
    };
  };
  const over = (name: string, base: string): Cost => ({
    milliseconds: of(name).milliseconds - of(base).milliseconds,
    megabytes: of(name).megabytes - of(base).megabytes,
  });
  return {
    node: of('node.cjs'),
    steps: new Map([
      ['require', over('require.cjs', 'empty required.cjs')],
      ['import', over('import.mjs', 'empty imported.mjs')],
      ['initializeTracing, over the import', over('set up.mjs', 'import.mjs')],
      ['import until the first event is in the file', over('first event.mjs', 'empty imported.mjs')],
    ]),
  };
}
