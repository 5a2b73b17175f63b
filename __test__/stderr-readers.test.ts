import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { folderOf } from './helpers/pool-folder.ts';
import { start } from './helpers/programs.ts';

/** Emits over 1 MB to stderr, says on stdout how long that took and what became of the lines. */
const FLOOD = `import { backend, Registry, setGlobalDefault, StderrLayer, target } from 'kvp-tracing';
  const [timeout, core] = process.argv.slice(2);
  if (core === 'core') backend({ quiet: true });
  const layer = new StderrLayer({ filter: 'error' });
  const registry = new Registry().with(layer);
  setGlobalDefault(registry);
  const log = target('flood');
  process.stdin.once('data', async () => {
    const began = performance.now();
    for (let i = 0; i < 5000; i++) {
      log.error({ i }, 'é'.repeat(120));
      if (i % 500 === 0) await new Promise(setImmediate);
    }
    const emitted = performance.now() - began;
    const { complete } = await registry.shutdown({ timeout: Number(timeout) });
    const took = performance.now() - began;
    console.log(JSON.stringify({ ...layer.stats(), complete, emitted, took }));
    process.exit();
  });`;

interface Flood {
  lines: number;
  dropped: number;
  complete: boolean;
  /** In milliseconds. */
  emitted: number;
  /** In milliseconds, with the shutdown. */
  took: number;
}

/** Floods `stderr`; `prepare` may do something to it before. */
async function flood(
  t: ExecutionContext,
  stderr: 'pipe' | number,
  prepare: (child: ChildProcess) => void = () => {},
  args: readonly string[] = ['300'],
): Promise<{ flood: Flood; child: ChildProcess }> {
  const stdio = ['pipe', 'pipe', stderr] as const;
  const child = start({ source: FLOOD, folder: folderOf(t) }, args, {
    stdio: [...stdio],
    env: { KVP_TRACING_BACKEND: '' },
  });
  t.teardown(() => child.kill('SIGKILL'));
  prepare(child);
  child.stdin?.write('go\n');
  const [text] = (await once(child.stdout as Readable, 'data')) as [Buffer];
  return { flood: JSON.parse(text.toString()) as Flood, child };
}

/** The drops of a flood must be all that is missing in what its reader gets in the end. */
function isWhole(
  t: ExecutionContext,
  { lines, dropped, complete, emitted, took }: Flood,
  read: string,
): void {
  t.true(emitted < 3000, `${emitted} ms`);
  t.true(took < emitted + 1000, `${took} ms`);
  t.false(complete);
  t.is(lines, 5000);
  t.true(dropped > 0);
  const got = read.split('\n');
  t.is(got.pop(), '', 'the last one is whole too');
  for (const line of got) t.regex(line, /^\S+Z ERROR flood: é{120} i=\d+$/);
  t.is(got.length + dropped, lines);
}

test('a pipe whose reader stalls never holds the program, and no line is cut or lost uncounted', async (t) => {
  const fifo = join(folderOf(t), 'stderr');
  execFileSync('mkfifo', [fifo]);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(fifo, constants.O_WRONLY);
  const { flood: seen, child } = await flood(t, writer);
  closeSync(writer);
  if (child.exitCode === null) await once(child, 'exit');
  isWhole(t, seen, readFileSync(reader, 'utf8'));
  closeSync(reader);
});

for (const args of [['300'], ['300', 'core']]) {
  const how = args.includes('core') ? 'with the core' : 'before the core is loaded';
  test(`a socket whose reader stalls, as of systemd, does not either, ${how}`, async (t) => {
    const { flood: seen, child } = await flood(t, 'pipe', () => {}, args);
    isWhole(t, seen, (await (child.stderr as Readable).toArray()).join(''));
  });
}

test('a reader that is gone costs its lines, and no time', async (t) => {
  const { flood: seen } = await flood(t, 'pipe', (child) => child.stderr?.destroy(), ['10000']);
  t.true(seen.took < seen.emitted + 5000, 'whoever is gone is not waited for');
  t.false(seen.complete);
  t.deepEqual([seen.lines, seen.dropped], [5000, 5000]);
});
