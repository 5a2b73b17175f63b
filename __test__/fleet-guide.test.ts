import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { COMMANDS } from '../src/cli/commands.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { blocksOf, pageText } from './helpers/doc-page.ts';
import { duckdb, duckdbMissing } from './helpers/duckdb.ts';
import { makeFleet, REASONS } from './helpers/fleet.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';
import { Rotel, rotelMissing } from './helpers/rotel.ts';

const GUIDE = pageText('docs/guides/fleet.md');
const PROGRAM = fileURLToPath(new URL('dist/cli/main.cjs', ROOT));
const POOLS = 200;

/** The guide's blocks of a language. */
const blocksIn = (language: string): string[] =>
  blocksOf(GUIDE).flatMap((block) => (block.language === language ? block.code : []));

/** The guide's commands that mention a text. */
function commandsWith(part: string): string {
  const block = blocksIn('sh').find((code) => code.includes(part));
  if (block === undefined) throw new Error(`docs/guides/fleet.md has no command with ${part}`);
  return block;
}

/** A folder with a fleet, in which the guide's commands are given. */
function guided(t: ExecutionContext) {
  const folder = folderOf(t);
  const pools = makeFleet(join(folder, 'pools'), POOLS);
  mkdirSync(join(folder, 'bin'));
  const shim = join(folder, 'bin/kvp');
  writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`);
  chmodSync(shim, 0o755);
  const run = async (commands: string) => {
    const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}` };
    const child = spawn('sh', ['-ec', commands], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const closed = once(child, 'close');
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [status] = (await closed) as [number | null];
    return { status, stdout, stderr };
  };
  return { folder, pools, run };
}

test('the commands at a glance do what the guide says', async (t) => {
  const { folder, pools, run } = guided(t);
  const { status, stdout } = await run(commandsWith('--sort step'));
  t.is(status, 0);
  t.true(stdout.includes(`${pools.length} pools: `));
  t.is(readFileSync(join(folder, 'fleet.csv'), 'utf8').split('\r\n').length, POOLS + 2);
});

test('the queries answer which VMs failed and why, which step is slow, and what the later image made worse', async (t) => {
  if (!has(t, duckdbMissing)) return;
  const { folder, pools, run } = guided(t);
  const [fleet = '', log = ''] = commandsWith('fleet.json').trim().split('\n');
  t.is((await run(fleet)).status, 0);
  if (COMMANDS.some(({ name }) => name === 'log')) t.is((await run(log)).status, 0);
  else writeFileSync(join(folder, 'log.ndjson'), diagnosticsIn(folder).join(''));
  const queries = blocksIn('sql').flatMap((block) =>
    block.split(/;\n/).filter((query) => query.trim() !== ''),
  );
  const [, , reasons = [], steps = [], slower = [], images = []] = duckdb(folder, queries);

  const vms = pools.filter(({ outcome }) => outcome !== 'no-pool').length;
  const failed = pools.filter(({ outcome }) => outcome === 'failure').length;
  t.deepEqual(reasons.map(({ reason }) => reason as string).sort(), REASONS.toSorted());
  t.is(
    reasons.reduce((sum, { vms: count }) => sum + (count as number), 0),
    failed,
  );
  t.is(
    Math.round(reasons.reduce((sum, { percent }) => sum + (percent as number), 0)),
    Math.round((100 * failed) / vms),
  );

  const step = (name: string) => steps.find(({ step }) => step === name);
  t.like(step('init-local'), { agent: 'cloud-init', p50: 7, p99: 7, times: vms });
  t.like(step('provision'), { agent: 'contoso/2.0', p50: 10, p99: 10 });
  t.true((step('dhcp')?.['p99'] as number) > 4.5);

  t.deepEqual(
    slower.map(({ step }) => step),
    ['azure-ds/obtain_lease', 'dhcp'],
  );
  t.true(slower.every(({ times }) => (times as number) > 1.7 && (times as number) < 2.1));
  t.deepEqual(
    images.map(({ image }) => image),
    ['2026.08', '2026.09'],
  );
  t.is(
    images.reduce((sum, { failed: count }) => sum + (count as number), 0),
    failed,
  );
});

/** The diagnostics of pools, as `kvp log --json` prints them. */
function diagnosticsIn(folder: string): string[] {
  return readdirSync(join(folder, 'pools'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap(({ parentPath, name }) => readDiagnosticsSync(join(parentPath, name)).diagnostics)
    .map((diagnostic) => `${JSON.stringify(diagnostic)}\n`);
}

test('the commands of the guide send the spans of a fleet to a receiver once, with the image of each', async (t) => {
  if (!has(t, rotelMissing)) return;
  const { pools, run } = guided(t);
  const rotel = await Rotel.start(t);
  const commands = commandsWith('kvp replay').replace('http://localhost:4318', rotel.endpoint);
  t.is((await run(commands)).status, 0);
  t.is((await run(commands)).status, 0);
  const expected = pools.reduce((sum, { spans }) => sum + spans, 0);
  const spans = await rotel.received(expected);
  t.is(spans.length, expected);
  t.deepEqual(
    new Set(spans.map(({ resource }) => resource['image'])),
    new Set(['Str(2026.08)', 'Str(2026.09)']),
  );
});
