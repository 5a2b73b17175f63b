/** Records a second from the first emit to the last byte in the file, by a program of its own. */
import { truncateSync } from 'node:fs';
import { EmitKVPLayer, Registry, target, withDefault } from 'kvp-tracing';

const [path = '', count = '0'] = process.argv.slice(2);
const layer = new EmitKVPLayer({ path, vmId: 'vm', maxRecords: 2 ** 31, queueBytes: 8 * 1024 * 1024 });
const registry = new Registry().with(layer);
const log = target('my_agent::user');
const total = Number(count);

/** Until the code is compiled. */
const WARM_UP = 20_000;

await withDefault(registry, () =>
  log.inSpan('provision_user', async () => {
    for (let i = 0; i < WARM_UP; i++) log.info({ user: 'alice', key_count: i }, 'Configuring SSH keys');
    await layer.flush();
    truncateSync(path);
    const started = performance.now();
    for (let i = 0; i < total; i++) {
      log.info({ user: 'alice', key_count: i }, 'Configuring SSH keys');
      // Nothing blocks the emitter, so one that never pauses must look at the queue itself.
      if (i % 1000 === 0) {
        while (layer.stats().queuedBytes > 4 * 1024 * 1024)
          await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await layer.flush();
    const seconds = (performance.now() - started) / 1000;
    const { dropped, written } = layer.stats();
    if (Object.keys(dropped).length > 0 || written < total + WARM_UP)
      throw new Error(JSON.stringify(layer.stats()));
    console.log(Math.round(total / seconds));
  }),
);
