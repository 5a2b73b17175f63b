/** What the command line takes, beside Node.js that does nothing. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPool } from 'kvp-tracing';
import { quantile } from './measure.ts';
import { spans } from './reading.ts';

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.cjs', import.meta.url));
const RUNS = 25;
/** On a machine that others use as well, what was least disturbed says most. */
const LOW = 0.1;

/** Milliseconds of `node -e 0`, by the name `node`, and of commands on a full pool, in interleaved runs. */
export function commandLineCosts(folder: string): Map<string, number> {
  const dir = join(folder, 'pools');
  mkdirSync(dir);
  const pool = join(dir, '.kvp_pool_1');
  writeFileSync(pool, '');
  openPool(pool).loadSync(spans(1024));
  const calls: Record<string, string[]> = {
    node: ['-e', '0'],
    '--help': [PROGRAM, '--help'],
    info: [PROGRAM, '--dir', dir, 'info'],
    show: [PROGRAM, '--dir', dir, 'show'],
    'show --html': [PROGRAM, '--dir', dir, 'show', '--html', '-'],
  };
  const times = new Map(Object.keys(calls).map((name) => [name, [] as number[]]));
  for (let run = 0; run < RUNS; run++) {
    for (const [name, args] of Object.entries(calls)) {
      const started = performance.now();
      const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      times.get(name)?.push(performance.now() - started);
      if (status !== 0) throw new Error(`${name} ended with ${status}`);
    }
  }
  return new Map(Array.from(times, ([name, all]) => [name, quantile(all, LOW)]));
}
