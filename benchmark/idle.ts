/**
 * How long after an emit its record is in the file, when program and writer were idle. The program goes back
 * to its event loop after the emit, so another process looks at the file. Milliseconds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EmitKVPLayer, Registry, target, withDefault } from 'kvp-tracing';

const ROUNDS = 300;

/** Prints when the file had 1, 2, … records, in nanoseconds of the clock that all processes share. */
function observe(path: string): void {
  while (!existsSync(path));
  const fd = openSync(path, 'r');
  const times: bigint[] = [];
  while (times.length < ROUNDS) {
    const records = fstatSync(fd).size / 2560;
    while (times.length < records) times.push(process.hrtime.bigint());
  }
  console.log(times.join(' '));
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => (text += part));
  await once(child, 'close');
  return text;
}

export async function idleLatencies(folder: string): Promise<number[]> {
  const path = join(folder, 'idle.pool');
  const program = [fileURLToPath(import.meta.url), path];
  const output = outputOf(spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] }));
  await sleep(1000);
  const registry = new Registry().with(new EmitKVPLayer({ path, vmId: 'vm' }));
  const emitted: bigint[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(10);
    emitted.push(process.hrtime.bigint());
    withDefault(registry, () =>
      target('t').info({ user: 'alice', key_count: round }, 'Configuring SSH keys'),
    );
  }
  const seen = (await output).trim().split(' ').map(BigInt);
  await registry.shutdown();
  return seen.map((time, round) => Number(time - (emitted[round] ?? 0n)) / 1e6);
}

const [, main, path] = process.argv;
if (main === fileURLToPath(import.meta.url) && path !== undefined) observe(path);
