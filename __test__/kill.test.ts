import { appendFileSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { chooseBackend } from '../src/pool/binding.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { poolOf } from './helpers/pool-folder.ts';
import { isWhole, textOf, Victim } from './helpers/victim.ts';

const KILLS = process.env['CI'] === 'true' ? 200 : 50;
/** Programs that are killed on one pool, one after the other. */
const RESTARTS = 10;
/** Milliseconds until a kill. */
const LATEST = chooseBackend() === 'native' ? 20 : 60;
const RECORD = 2560;

/** The same seed draws the same moments again; the machine still does as it likes. */
const seed = Number(process.env['KVP_TEST_SEED'] ?? Date.now() % 2 ** 32);

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomOf(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A pool and what was found in it so far: its runs write one after the other. */
class Runs {
  readonly path: string;
  readonly #t: ExecutionContext;
  #whole = Buffer.alloc(0);
  #run = 0;

  constructor(t: ExecutionContext) {
    this.#t = t;
    this.path = poolOf(t);
  }

  /**
   * Asserts that behind the records of earlier runs, untouched, are those of the next run. Returns how many
   * events that has, and the bytes of a torn tail.
   */
  check(acknowledged: number): { events: number; torn: number } {
    const bytes = existsSync(this.path) ? readFileSync(this.path) : Buffer.alloc(0);
    const torn = bytes.length % RECORD;
    const whole = bytes.subarray(0, bytes.length - torn);
    this.#t.true(whole.subarray(0, this.#whole.length).equals(this.#whole));
    const events = isWhole(this.#t, whole.subarray(this.#whole.length), this.#run++, acknowledged);
    this.#whole = whole;
    return { events, torn };
  }

  /** One more run, in this process, that nobody kills. */
  async append(count: number): Promise<void> {
    const registry = new Registry().with(
      new EmitKVPLayer({ path: this.path, vmId: 'vm', maxRecords: 2 ** 31 }),
    );
    withDefault(registry, () => {
      for (let seq = 0; seq < count; seq++) target('t').info({ run: this.#run, seq }, textOf(seq));
    });
    this.#t.deepEqual(await registry.shutdown(), { complete: true, dropped: 0, problems: [] });
    this.#t.deepEqual(this.check(count), { events: count, torn: 0 });
  }
}

test('a kill -9 at any moment loses nothing that was flushed, and the next writer goes on behind whole records', async (t) => {
  const tally = { kills: 0, torn: 0, acknowledged: 0, events: 0 };
  const random = randomOf(seed);
  try {
    while (tally.kills < KILLS) {
      const pool = new Runs(t);
      const victims = Array.from({ length: RESTARTS }, (_, run) => new Victim(t, pool.path, run));
      await Promise.all(victims.map((victim) => victim.says(0)));
      for (const victim of victims) {
        // One in four is killed while it opens the pool and its first event is written.
        const isEarly = random() < 0.25;
        victim.go(isEarly ? 2 : 1);
        if (!isEarly) {
          await victim.says(1);
          victim.go();
        }
        await sleep(random() * LATEST);
        const acknowledged = await victim.kill();
        const { events, torn } = pool.check(acknowledged);
        tally.kills++;
        tally.torn += Number(torn > 0);
        tally.acknowledged += acknowledged;
        tally.events += events;
      }
      await pool.append(10);
      rmSync(pool.path);
    }
    t.true(tally.acknowledged > KILLS && tally.events > tally.acknowledged, 'the kills miss the writing');
  } finally {
    if (!t.passed) t.log(`KVP_TEST_SEED=${seed}`, JSON.stringify(tally));
  }
});

for (const bytes of [100, 1024, 2559]) {
  test(`a torn tail of ${bytes} bytes outlives a writer that is killed too soon, and is cut by the next`, async (t) => {
    const pool = new Runs(t);
    await pool.append(10);
    appendFileSync(pool.path, readFileSync(pool.path).subarray(0, bytes));
    const victim = new Victim(t, pool.path, 1);
    await victim.says(0);
    victim.go(2);
    await sleep(randomOf(seed + bytes)() * 250);
    pool.check(await victim.kill());
    await pool.append(10);
  });
}

test('of several writers that meet a torn tail none loses a record', async (t) => {
  const pool = new Runs(t);
  await pool.append(10);
  const size = statSync(pool.path).size;
  appendFileSync(pool.path, 'torn');
  const runs = [1, 2, 3, 4, 5, 6];
  const victims = runs.map((run) => new Victim(t, pool.path, run));
  await Promise.all(victims.map((victim) => victim.says(0)));
  for (const victim of victims) victim.go();
  await Promise.all(victims.map((victim) => victim.says(1)));
  const bytes = readFileSync(pool.path);
  t.is(bytes.length, size + runs.length * RECORD);
  const { diagnostics, problems, unknown } = readDiagnosticsSync(bytes.subarray(size));
  t.deepEqual([problems, unknown], [[], []]);
  t.deepEqual(diagnostics.map(({ fields }) => fields['run']).sort(), runs);
});
