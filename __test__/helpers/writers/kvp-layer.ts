/** Emits events by an `EmitKVPLayer`: NAME POOL. For how many seconds comes on stdin. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmitKVPLayer, Registry, setGlobalDefault, target } from '../../../src/index.ts';

const [name = '', path = ''] = process.argv.slice(2);
const layer = new EmitKVPLayer({ path, agent: `${name}/1`, vmId: 'vm', maxRecords: 1_000_000 });
const registry = new Registry().with(layer);
setGlobalDefault(registry);
const log = target('many-writers');

/** A whole number from 1. */
function upTo(most: number): number {
  return 1 + Math.floor(Math.random() * most);
}

console.log('ready');
const [seconds] = (await once(process.stdin, 'data')) as [Buffer];
process.stdin.destroy();
const until = performance.now() + Number(seconds) * 1000;
let texts = 0;
while (performance.now() < until) {
  for (let left = upTo(20); left > 0; left--) {
    const size = upTo(Math.random() < 0.1 ? 4000 : 500);
    log.info({ number: texts++, size }, 'x'.repeat(size));
  }
  await sleep(Math.random() * 200);
}
const { complete, dropped } = await registry.shutdown();
const { backend, records } = layer.stats();
console.log(JSON.stringify({ texts, records, outcome: { backend, complete, dropped } }));
