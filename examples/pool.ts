/** Reads, changes and mends a pool: `pool.ts FILE`. */
import { KvpError, openPool } from 'kvp-tracing';

const [path = '/var/lib/hyperv/.kvp_pool_1'] = process.argv.slice(2);
using pool = openPool(path);

await pool.append('agent/started', new Date().toISOString());
await pool.append([
  { key: 'agent/disk', value: '/dev/sda' },
  { key: 'agent/disk', value: '/dev/sdb' },
]);
await pool.set('agent/state', 'starting');
await pool.set('agent/state', 'ready');
console.log(await pool.get('agent/state'), await pool.delete('agent/disk'), pool.size);

for await (const { key } of pool.records()) console.log(key);

for (const { record, reason, action } of await pool.repair())
  console.log(`record ${record}: ${reason}, ${action}`);

try {
  await pool.set('agent/log', 'x'.repeat(2000));
} catch (error) {
  if (!(error instanceof KvpError)) throw error;
  console.log(error.code, error.message);
}
