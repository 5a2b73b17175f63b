/** How long after an emit its record is in the file, when the writer was idle. Milliseconds. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { EmitKVPLayer, Registry, target, withDefault } from 'kvp-tracing';

const ROUNDS = 300;

export async function idleLatencies(folder: string): Promise<number[]> {
  const path = join(folder, 'idle.pool');
  const layer = new EmitKVPLayer({ path, vmId: 'vm', maxRecords: 2 ** 31 });
  const registry = new Registry().with(layer);
  const fd = openSync(path, 'r');
  const latencies: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    await sleep(10);
    const started = performance.now();
    withDefault(registry, () =>
      target('t').info({ user: 'alice', key_count: round }, 'Configuring SSH keys'),
    );
    // The fallback writes when the event loop turns, so it must.
    while (fstatSync(fd).size < round * 2560) {
      if (layer.stats().backend === 'js') await new Promise((resolve) => setImmediate(resolve));
    }
    latencies.push(performance.now() - started);
  }
  closeSync(fd);
  await registry.shutdown();
  return latencies;
}
