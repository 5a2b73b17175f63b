/** Records a second from the first emit to the last byte in the file, by a program of its own. */
import { truncateSync } from 'node:fs';
import { EmitKVPLayer, Registry, target, withDefault } from 'kvp-tracing';

const [path = '', count = '0'] = process.argv.slice(2);
const queueBytes = 8 * 1024 * 1024;
// It would say that records are gone: the pool is cut between rounds.
const onProblem = () => {};
const layer = new EmitKVPLayer({ path, vmId: 'vm', maxRecords: 2 ** 31, queueBytes, onProblem });
const registry = new Registry().with(layer);
const log = target('my_agent::user');
const total = Number(count);

/** Until V8 has compiled all of it: it still does after 100,000, on the processor that the writer needs. */
const WARM_UP = 300_000;

async function emit(events: number): Promise<void> {
  for (let i = 0; i < events; i++) {
    log.info({ user: 'alice', key_count: i }, 'Configuring SSH keys');
    // Nothing blocks the emitter, so one that never pauses must look at the queue itself.
    if (i % 1000 === 0) {
      while (layer.stats().queuedBytes > 4 * 1024 * 1024)
        await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await layer.flush();
}

await withDefault(registry, () =>
  log.inSpan('provision_user', async () => {
    for (let warm = 0; warm < WARM_UP; warm += total) {
      await emit(total);
      truncateSync(path);
    }
    const before = layer.stats().written;
    const started = performance.now();
    await emit(total);
    const seconds = (performance.now() - started) / 1000;
    const { dropped, written } = layer.stats();
    if (Object.keys(dropped).length > 0 || written < before + total)
      throw new Error(JSON.stringify(layer.stats()));
    console.log(Math.round(total / seconds));
  }),
);
