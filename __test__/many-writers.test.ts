import { statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { RECORD_SIZE } from '../src/pool/limits.ts';
import { nativeCore } from '../src/pool/binding.ts';
import { readPool } from '../src/pool/read-pool.ts';
import type { PoolRecord } from '../src/pool/record.ts';
import { daemonMissing, HypervHost } from './helpers/hyperv-host.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { textsIn } from './helpers/texts-in.ts';
import { cloudInitMissing, type Kind, KINDS, WriterProgram } from './helpers/writer-program.ts';

// Both writers take part in one run, so this does not depend on that of the suite.
process.env['KVP_TRACING_BACKEND'] = 'auto';

function canRun(t: ExecutionContext): boolean {
  const nativeMissing = nativeCore() === undefined ? 'missing the native core: npm run build' : undefined;
  return has(t, daemonMissing ?? cloudInitMissing ?? nativeMissing);
}

/** A part of pool 1 as a host saw it. */
interface Walk {
  first: number;
  records: PoolRecord[];
}

/** A host that reads around the end of pool 1 and changes the pool `changed`, without pause while `isOn`. */
async function play(host: HypervHost, pool: string, changed: number, isOn: () => boolean): Promise<Walk[]> {
  const walks: Walk[] = [];
  const keys = Array.from({ length: 10 }, (_, number) => `HOST|${number}`);
  while (isOn()) {
    for (const key of keys) await host.set(changed, key, 'of the host');
    const first = Math.max(0, Math.floor(statSync(pool).size / RECORD_SIZE) - 10);
    walks.push({ first, records: await host.enumerate(1, { first, most: 20 }) });
    for (const key of keys) await host.delete(changed, key);
  }
  return walks;
}

/** What came of a run. */
interface Result {
  /** Texts that are not in the pool. */
  lost: number;
  pool: string;
  host: HypervHost;
  walks: Walk[];
}

/**
 * Writers write at once into the pool 1 of a host that meanwhile changes the pool `changed`. Whatever is in
 * pool 1 afterwards is whole, there once, and in its writer's order.
 */
async function run(t: ExecutionContext, kinds: Kind[], seconds: number, changed: number): Promise<Result> {
  const folder = folderOf(t);
  const pool = join(folder, '.kvp_pool_1');
  const host = await HypervHost.start(folder);
  t.teardown(() => host.stop());
  const writers = kinds.map((kind, index) => new WriterProgram(t, pool, kind, `${kind}-${index}`));
  await Promise.all(writers.map((writer) => writer.ready()));
  let isOn = true;
  const writing = Promise.all(writers.map((writer) => writer.write(seconds))).finally(() => (isOn = false));
  const [accounts, walks] = await Promise.all([writing, play(host, pool, changed, () => isOn)]);

  const found = textsIn(pool);
  t.deepEqual(found.torn, []);
  let lost = 0;
  writers.forEach(({ kind, name }, index) => {
    const account = accounts[index]!;
    const { numbers, records } = found.writers.get(name) ?? { numbers: [], records: 0 };
    const missing = account.texts - numbers.length;
    lost += missing;
    t.log(`${name}: ${account.texts} texts, ${missing} lost, ${records} records in the pool`);
    const isAscending = numbers.every((number, place) => number > (numbers[place - 1] ?? -1));
    t.true(isAscending && numbers.at(-1)! < account.texts, `${name}: ${numbers.join(' ')}`);
    if (missing === 0) t.is(records, account.records ?? records, name);
    if (kind !== 'native' && kind !== 'fallback') return;
    const backend = kind === 'native' ? 'native' : 'js';
    const { complete, ...outcome } = account.outcome!;
    t.deepEqual(outcome, { backend, dropped: 0 }, name);
    // A host that changes the pool itself takes records away, which is said.
    if (changed !== 1) t.true(complete, name);
  });
  t.log(`${lost} lost, ${walks.length} walks of the host`);
  return { lost, pool, host, walks };
}

/** What a host shows of records: at most 1,022 letters of a value. */
function shown(records: readonly PoolRecord[]): PoolRecord[] {
  return records.map(({ key, value }) => ({ key, value: value.slice(0, 1022) }));
}

test.serial(
  'writers of every kind lose and tear nothing while the daemon reads and changes another pool',
  async (t) => {
    if (!canRun(t)) return;
    const { lost, pool, host, walks } = await run(t, [...KINDS, ...KINDS], 10, 0);
    t.is(lost, 0);
    const records = shown(readPool(pool));
    const first = records.length - 50;
    walks.push({ first, records: await host.enumerate(1, { first, most: 100 }) });
    for (const walk of walks) {
      t.deepEqual(walk.records, records.slice(walk.first, walk.first + walk.records.length));
    }
    t.is(walks.at(-1)!.records.length, 50);
  },
);

// Only for writers whose locks the daemon knows: it rewrites a pool by two writes, and what others append
// between them, cloud-init as well, lies off the records' boundaries for good.
test.serial(
  'a host that changes pool 1 itself may lose records of native writers but tears none',
  async (t) => {
    if (!canRun(t)) return;
    const { walks } = await run(t, ['native', 'native', 'native'], 3, 1);
    const keys = walks.flatMap(({ records }) => records.map(({ key }) => key));
    t.true(keys.every((key) => /^(DIAG|HOST)\|/.test(key)));
  },
);
