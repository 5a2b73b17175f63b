import { mkdirSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { REPORT_KEY } from '../src/diagnostics/report/report.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { openPool } from '../src/pool/open-pool.ts';
import { initializeTracing } from '../src/setup/initialize-tracing.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { bytesOf, keyOf, VM } from './helpers/diag-records.ts';
import { afterMounts, asFirstProcess, bootUnknown, namespacesMissing } from './helpers/namespaces.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';
import { ended } from './helpers/programs.ts';

/** When the kernel mounted `/sys`, in seconds. */
const SYS = Math.floor(statSync('/sys').mtimeMs / 1000);
const DEFAULT = '/var/lib/hyperv/.kvp_pool_1';

/** Emits an event into a pool with the options given as JSON; prints the starts of the keys that are there afterwards. */
const EMIT = `
  import { initializeTracing, info, openPool } from 'kvp-tracing';
  const options = JSON.parse(process.argv[1]);
  const tracing = await initializeTracing({ kvp: { vmId: 'vm', ...options }, stderr: false });
  info('of this boot');
  await tracing.flush();
  if (process.argv[2] === 'report') await tracing.reportSuccess();
  await tracing.shutdown();
  console.log(openPool(options.path ?? '${DEFAULT}').dumpSync().map(({ key }) => key.split('|')[0]).join(' '));
`;

/** A pool with the record `old` that was last changed at a time in seconds. */
function oldPool(path: string, changed: number): string {
  writeFileSync(path, bytesOf(['old', 'x']));
  utimesSync(path, changed, changed);
  return path;
}

/** Mounts that say that the system was booted at a time in seconds. */
function bootedAt(t: ExecutionContext, seconds: number): string {
  const stat = join(folderOf(t), 'stat');
  writeFileSync(stat, `btime ${seconds}\n`);
  return `mount --bind '${stat}' /proc/stat`;
}

/** Mounts a folder of the test as the daemon's folder. */
function daemonFolder(folder: string): string {
  return `mount -t tmpfs none /var/lib && mkdir /var/lib/hyperv && mount --bind '${folder}' /var/lib/hyperv`;
}

async function keysAfter(mounts: string, options: object, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await ended(afterMounts(mounts, EMIT, JSON.stringify(options), ...args));
  return stdout.trim() + stderr;
}

test('a pool that was last changed before the boot is emptied', async (t) => {
  if (!has(t, namespacesMissing ?? bootUnknown)) return;
  const path = oldPool(poolOf(t), SYS - 10);
  t.is(await keysAfter(bootedAt(t, SYS + 5), { path, clearStale: true }), 'DIAG');
});

test('a pool of this boot is kept when the clock was set forward, or the VM was suspended and resumed', async (t) => {
  if (!has(t, namespacesMissing ?? bootUnknown)) return;
  const path = oldPool(poolOf(t), SYS + 1);
  const resumed = bootedAt(t, SYS + 1_000_000);
  t.is(await keysAfter(resumed, { path, clearStale: true }, 'report'), `old DIAG ${REPORT_KEY}`);
});

test('a pool is kept where the boot is not known: no sysfs, or a container', async (t) => {
  if (!has(t, namespacesMissing ?? bootUnknown)) return;
  const booted = bootedAt(t, SYS + 5);
  const path = oldPool(poolOf(t), SYS - 10);
  t.is(await keysAfter(`${booted} && mount -t tmpfs none /sys`, { path, clearStale: true }), 'old DIAG');
  const inside = oldPool(poolOf(t), SYS - 10);
  t.is(
    (await ended(asFirstProcess(EMIT, JSON.stringify({ path: inside, clearStale: true })))).stdout.trim(),
    'old DIAG',
  );
});

test('what is asked for by name keeps the rule of azure-init: changed before the boot', async (t) => {
  if (!has(t, namespacesMissing ?? bootUnknown)) return;
  const path = oldPool(poolOf(t), SYS + 1);
  const source = `
    import { openPool } from 'kvp-tracing';
    const pool = openPool(process.argv[1]);
    console.log(pool.isStaleSync(), await pool.isStale(), await pool.clearIfStale(), pool.size);`;
  const { stdout } = await ended(afterMounts(bootedAt(t, SYS + 5), source, path));
  t.is(stdout, 'true true true 0\n');
});

for (const [how, path, alias] of [
  ['by default', undefined, ''],
  ['spelled out', DEFAULT, ''],
  ['in a longer spelling', '/var/lib/../lib//hyperv/.kvp_pool_1', ''],
  ['by a link of its folder', '/var/lib/pools/.kvp_pool_1', ' && ln -s hyperv /var/lib/pools'],
  [
    'by another mount',
    '/var/lib/m/.kvp_pool_1',
    ' && mkdir /var/lib/m && mount --bind /var/lib/hyperv /var/lib/m',
  ],
] as const) {
  test(`the default pool, named ${how}, is emptied when it is of an earlier boot`, async (t) => {
    if (!has(t, namespacesMissing ?? bootUnknown)) return;
    const folder = folderOf(t);
    oldPool(join(folder, '.kvp_pool_1'), SYS - 10);
    const mounts = `${bootedAt(t, SYS + 5)} && ${daemonFolder(folder)}${alias}`;
    t.is(await keysAfter(mounts, { path }), 'DIAG');
  });
}

test.serial('who has written to a pool never empties it, whatever time it has then', async (t) => {
  if (!has(t, bootUnknown)) return;
  const path = poolOf(t);
  const emit = async (message: string, file = path) => {
    const registry = new Registry().with(new EmitKVPLayer({ path: file, vmId: 'vm', clearStale: true }));
    withDefault(registry, () => target('t').info(message));
    await registry.flush();
    utimesSync(path, 1, 1);
    await registry.shutdown();
  };
  await emit('first');
  await emit('second');
  await emit('by another spelling', join(dirname(path), '..', basename(dirname(path)), '.kvp_pool_1'));
  t.is(openPool(path).size, 3);
});

test.serial('what is written later is of the same boot as what was written first', async (t) => {
  if (!has(t, bootUnknown)) return;
  const path = poolOf(t);
  const registry = new Registry().with(new EmitKVPLayer({ path, vmId: 'vm', clearStale: true }));
  for (const message of ['first', 'second', 'third']) {
    withDefault(registry, () => target('t').info(message));
    t.true((await registry.flush()).complete);
    utimesSync(path, 1, 1);
  }
  await registry.shutdown();
  t.is(openPool(path).size, 3);
});

test.serial('a report does not erase what this process wrote before the clock was set forward', async (t) => {
  if (!has(t, bootUnknown)) return;
  const path = poolOf(t);
  const tracing = await initializeTracing({ kvp: { path, vmId: 'vm', clearStale: true }, stderr: false });
  t.teardown(() => tracing.shutdown());
  target('t').info('early');
  await tracing.flush();
  utimesSync(path, 1, 1);
  t.true((await tracing.reportSuccess()).written);
  t.is(openPool(path).size, 2);
  t.like(tracing.stats()['EmitKVPLayer'], { missing: 0 });
});

test.serial('a budget that others have spent says who', async (t) => {
  const OTHER = '11111111-2222-4333-8444-555555555555';
  const filled = async (...records: [string, string][]): Promise<string> => {
    const path = poolOf(t);
    writeFileSync(path, bytesOf(...records));
    const problems: Error[] = [];
    const onProblem = (problem: Error) => problems.push(problem);
    const options = { path, vmId: VM, agent: 'agent/1', maxRecords: 4, onProblem };
    const registry = new Registry().with(new EmitKVPLayer(options));
    withDefault(registry, () => target('t').info('no room'));
    await registry.shutdown();
    return problems.map(({ message }) => message).join();
  };
  const four = (key: (i: number) => string): [string, string][] =>
    Array.from({ length: 4 }, (_, i) => [key(i), 'x']);
  const now = new Date().toISOString();
  const ofVm = (vmId: string, agent: string, time: string) => (i: number) =>
    keyOf({ id: `e${i}`, time })
      .replace(VM, vmId)
      .replace('agent/1', agent);
  t.is(
    await filled(...four(ofVm(OTHER, 'agent/1', now))),
    `the pool misses 1 record: 1 INFO (of the pool's 4 records 4 are of another VM (vm_id ${OTHER}))`,
  );
  t.is(
    await filled(...four(ofVm(VM, 'azure-init/1', now))),
    "the pool misses 1 record: 1 INFO (of the pool's 4 records 4 are of other programs)",
  );
  t.is(
    await filled(...four((i) => `key${i}`)),
    "the pool misses 1 record: 1 INFO (of the pool's 4 records 4 are of other programs)",
  );
  if (bootUnknown === undefined) {
    t.is(
      await filled(...four(ofVm(VM, 'agent/1', '2020-01-01T00:00:00.000Z'))),
      "the pool misses 1 record: 1 INFO (of the pool's 4 records 4 are of an earlier boot)",
    );
  }
  t.is(await filled(...four(ofVm(VM, 'agent/1', now))), 'the pool misses 1 record: 1 INFO (budget)');
});

test.serial('a budget that others have spent says who, also after the pool was waited for', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'late', '.kvp_pool_1');
  const problems: Error[] = [];
  const onProblem = (problem: Error) => problems.push(problem);
  const layer = new EmitKVPLayer({ path, vmId: VM, agent: 'agent/1', maxRecords: 4, onProblem });
  const registry = new Registry().with(layer);
  withDefault(registry, () => target('t').info('no room'));
  await registry.flush();
  // The folder comes with its pool, or the writer would be the first to make one in it.
  const made = join(folder, 'made');
  mkdirSync(made);
  writeFileSync(
    join(made, basename(path)),
    bytesOf(...[1, 2, 3, 4].map((i): [string, string] => [`key${i}`, 'x'])),
  );
  renameSync(made, dirname(path));
  await registry.shutdown();
  const [last] = problems.map(({ message }) => message).reverse();
  t.is(last, "the pool misses 1 record: 1 INFO (of the pool's 4 records 4 are of other programs)");
});
