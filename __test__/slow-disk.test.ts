import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { chooseBackend } from '../src/pool/binding.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';
import { ended, onBuilt, ROOT } from './helpers/programs.ts';
import { straceMissing } from './helpers/strace.ts';

const isNative = chooseBackend() === 'native';

const SOURCE = `
  import { writeSync } from 'node:fs';
  import { initializeTracing, info } from 'kvp-tracing';
  const [path, how] = process.argv.slice(1);
  const tracing = await initializeTracing({ kvp: { path, vmId: 'vm' }, stderr: false });
  info('before');
  await tracing.flush();
  const started = performance.now();
  process.on('exit', () => {
    for (let i = 0; i < 30; i++) info('late');
    const { accepted, written, dropped } = tracing.stats().EmitKVPLayer;
    writeSync(1, JSON.stringify({ took: performance.now() - started, accepted, written, dropped }));
  });
  if (how === 'queued') for (let i = 0; i < 30; i++) info('queued');
  process.exit();`;

interface Exit {
  /** In milliseconds. */
  took: number;
  accepted: number;
  written: number;
  dropped: Record<string, Record<string, number>>;
}

/** A program that exits on a disk where each write but the first takes so many milliseconds. */
async function exitOnSlowDisk(
  t: ExecutionContext,
  milliseconds: number,
  how: string,
): Promise<Exit & { stderr: string; path: string }> {
  const path = poolOf(t);
  const slow = `inject=write:delay_enter=${milliseconds}000:when=2+`;
  const strace = ['-f', '-qq', '-o', join(folderOf(t), 'trace'), '-P', path, '-e', 'trace=write', '-e', slow];
  const child = spawn('strace', [...strace, process.execPath, ...onBuilt(SOURCE, path, how)], { cwd: ROOT });
  t.teardown(() => child.kill('SIGKILL'));
  const { code, stdout, stderr } = await ended(child);
  t.is(code, 0, stderr);
  return { ...(JSON.parse(stdout) as Exit), stderr, path };
}

for (const how of ['late', 'queued']) {
  test.serial(
    `a slow disk holds an exit with ${how} events for half a second, and the loss is said`,
    async (t) => {
      if (!has(t, straceMissing)) return;
      const { took, written, accepted, stderr, path } = await exitOnSlowDisk(t, 200, how);
      t.true(took < 1500, `${took} ms`);
      t.true(written < accepted);
      t.regex(stderr, /the pool misses \d+ records?: /);
      t.is(readDiagnosticsSync(path).diagnostics[0]?.message, 'before');
    },
  );
}

for (const how of ['late', 'queued']) {
  test.serial(
    `a frozen disk holds an exit with ${how} events no longer; the fallback for one write`,
    async (t) => {
      if (!has(t, straceMissing)) return;
      const { took, written, accepted, dropped } = await exitOnSlowDisk(t, 3000, how);
      t.true(took < (isNative ? 1500 : 4500), `${took} ms`);
      if (isNative) return;
      const counts = Object.values(dropped).flatMap((levels) => Object.values(levels));
      t.is(written + counts.reduce((sum, count) => sum + count, 0), accepted, 'all are written or counted');
    },
  );
}
