/**
 * A million events in one go, by a program of its own: how long the longest call took, how much memory they
 * needed beyond the same loop with a `Registry` whose layer does nothing, and whether all are accounted for.
 * `burst.ts POOL` or `burst.ts` alone; prints JSON.
 */
import { EmitKVPLayer, Registry, target, withDefault } from 'kvp-tracing';

const COUNT = 1_000_000;

const [path] = process.argv.slice(2);
const layer = path === undefined ? undefined : new EmitKVPLayer({ path, vmId: 'vm', maxRecords: 2 ** 31 });
let sink: unknown;
const registry = new Registry().with(layer ?? { name: 'nothing', onEvent: (event) => void (sink = event) });
const log = target('my_agent::user');
let longest = 0;
withDefault(registry, () => {
  for (let i = 0; i < COUNT; i++) {
    const started = performance.now();
    log.info({ user: 'alice', key_count: i }, 'Configuring SSH keys');
    longest = Math.max(longest, performance.now() - started);
  }
});
const { maxRSS } = process.resourceUsage();
const outcome = await registry.shutdown();
const stats = layer?.stats();
const dropped = outcome.dropped;
const isAccountedFor = stats === undefined || stats.written + dropped === COUNT;
console.log(JSON.stringify({ longest, megabytes: maxRSS / 1024, dropped, isAccountedFor, sink: sink !== 0 }));
