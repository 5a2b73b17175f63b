import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { misbehaving } from './helpers/collector.ts';
import { blocksOf, pageText } from './helpers/doc-page.ts';
import { item } from './helpers/host-exports.ts';
import { PROGRAM } from './helpers/kvp.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';

/** Examples that are shown only, by how they begin, and why. */
const NOT_CALLED: readonly [start: string, reason: string][] = [['kvp log -f ', 'goes on until it is ended']];

/** What is another machine's in an example, and what stands for it here. */
const HERE: readonly [RegExp, string][] = [
  [/\/(?:mnt|tmp)\//g, ''],
  [/^sudo |^ssh vm /g, ''],
  [/\| jq .*/g, '| cat'],
  [/…/g, ':'],
];

/** Has the pool of this VM in the folder `hyperv`, unless a call names another, or a file where one excludes the other. */
const KVP = `kvp() {
  local dir="--dir hyperv" word
  for word; do
    if [ "$word" = --dir ] || { [ -n "$READS" ] && [ -e "$word" ]; }; then dir=; fi
  done
  "$NODE" "$PROGRAM" $dir "$@"
}`;

/** The examples of each command, without what they are explained by. */
const EXAMPLES = pageText('docs/cli.md')
  .split(/^## kvp /m)
  .slice(1)
  .map((section) => ({
    command: section.slice(0, section.indexOf('\n')),
    reads: /\[file|\[FILE|<path|<before/.test(section),
    lines: blocksOf(section)
      .slice(1)
      .flatMap(({ code }) => code.trimEnd().split('\n'))
      .map((line) => line.split(/ {2,}/)[0] ?? ''),
  }));

/** A folder with what the examples name: pools of this VM, of a disk and of a fleet, files of records. */
function folderWithPools(t: ExecutionContext): string {
  const folder = folderOf(t);
  const pool = new URL('__test__/fixtures/samples/diag-azure-init.kvp_pool', ROOT);
  const names = ['hyperv/.kvp_pool_0', 'hyperv/.kvp_pool_1', 'hyperv/.kvp_pool_3', 'pools/vm1.kvp_pool'];
  const others = ['var/lib/hyperv/.kvp_pool_1', 'pool', 'before', 'after', 'good', 'bad', 'old.kvp_pool'];
  for (const name of [...names, ...others]) cpSync(pool, join(folder, name));
  for (const name of ['vm', 'copy']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'records.txt'), 'Role=web\nZone=1\n');
  const exported = JSON.parse(readFileSync(new URL('examples/pools/failed.json', ROOT), 'utf8')) as {
    key: string;
    value: string;
  }[];
  writeFileSync(join(folder, 'items.xml'), exported.map(({ key, value }) => item([key, value])).join('\r\n'));
  return folder;
}

for (const { command, reads, lines } of EXAMPLES) {
  test.serial(`the examples of kvp ${command} are calls that succeed, or answer no`, async (t) => {
    const collector = await misbehaving(t, (_request, response) => response.end());
    t.true(lines.length > 0);
    for (const example of lines) {
      if (NOT_CALLED.some(([start]) => example.startsWith(start))) continue;
      const line = HERE.reduce((given, [what, by]) => given.replaceAll(what, by), example).replaceAll(
        /URL|http:\/\/localhost:4318/g,
        collector,
      );
      const env = { ...process.env, NODE: process.execPath, PROGRAM, READS: reads ? 'yes' : '' };
      const child = spawn('bash', ['-o', 'pipefail', '-c', `${KVP}\n${line}`], {
        cwd: folderWithPools(t),
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [stdout, stderr, [status]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close') as Promise<[number | null]>,
      ]);
      // 1 is an answer, such as that a pool is not stale.
      t.true(status === 0 || status === 1, `${line} ended with ${status}:\n${stdout}${stderr}`);
    }
  });
}

test('each example that is not called is on the page', (t) => {
  for (const [start] of NOT_CALLED)
    t.true(
      EXAMPLES.some(({ lines }) => lines.some((line) => line.startsWith(start))),
      start,
    );
});
