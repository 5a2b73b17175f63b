import { mkdirSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { REPORT_KEY } from '../src/diagnostics/report/report.ts';
import type { EmitKVPLayerOptions } from '../src/layers/emit-kvp-layer.ts';
import { openPool } from '../src/pool/open-pool.ts';
import type { Tracing } from '../src/setup/initialize-tracing.ts';
import { target } from '../src/tracing/target.ts';
import { flockMissing, holdLock } from './helpers/lock-holder.ts';
import { bootUnknown } from './helpers/namespaces.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';
import { OFF, setUp as setUpTracing } from './helpers/set-up.ts';

const log = target('agent');
const OTHERS = 'result=error|reason=x|agent=Cloud-Init/24.1';

async function setUp(t: ExecutionContext, kvp: EmitKVPLayerOptions): Promise<Tracing> {
  const { tracing } = await setUpTracing(t, { ...OFF, service: 'my-agent', kvp: { vmId: 'vm', ...kvp } });
  return tracing;
}

/** The fields of the events that say what a report lacks. */
function lacksIn(path: string): unknown[] {
  return readDiagnosticsSync(path).diagnostics.map(({ fields }) => ({ ...fields }));
}

test.serial('a report waits for a lock that is given back within a second and a half', async (t) => {
  if (!has(t, flockMissing)) return;
  // Where a report does not wait for what was emitted before it, chance decides which comes first.
  for (const held of [700, 300, 300, 300]) {
    const path = poolOf(t);
    const tracing = await setUp(t, { path });
    log.info('first');
    await tracing.flush();
    const release = await holdLock(t, 'flock', path);
    log.info('second');
    const outcome = tracing.reportSuccess();
    await sleep(held);
    await release();
    t.like(await outcome, { written: true, error: undefined });
    const { diagnostics, reports } = readDiagnosticsSync(path);
    t.is(diagnostics.length, 2);
    t.is(reports[0]?.records[0], 2, 'behind what was emitted before it');
    await tracing.shutdown();
  }
});

test.serial(
  'a report tries again while the folder may still come, and writes what waits before it',
  async (t) => {
    // On a machine that stands still for a fifth of a second the folder comes too late.
    for (let attempt = 1; ; attempt++) {
      const path = join(folderOf(t), 'hyperv', '.kvp_pool_1');
      const tracing = await setUp(t, { path });
      log.info('before');
      const outcome = tracing.reportSuccess();
      await sleep(40);
      mkdirSync(dirname(path));
      const { written } = await outcome;
      await tracing.shutdown();
      if (!written && attempt < 5) continue;
      t.true(written);
      return t.is(readDiagnosticsSync(path).reports[0]?.records[0], 1);
    }
  },
);

test.serial('of an error too large to be looked through the message is the reason', async (t) => {
  const tracing = await setUp(t, { path: poolOf(t) });
  const blocks = Object.fromEntries(Array.from({ length: 120_000 }, (_, i) => [`block${i}`, i]));
  const large = Object.assign(new Error('no disk'), { blocks });
  t.regex((await tracing.reportFailure(large)).text, /^result=error\|reason=no disk\|/);
  const thrown = { password: 's3cret', code: 5 };
  const { text } = await tracing.reportFailure(thrown as never);
  t.true(text.includes('[redacted]'), text);
  t.false(text.includes('s3cret'), text);
});

test.serial('the log says what a report lacks, and nothing where it lacks nothing', async (t) => {
  const reason = `why ${'x'.repeat(3000)}`;
  const large = 'x'.repeat(2000);
  const [ended, path] = [poolOf(t), poolOf(t)];
  const first = await setUp(t, { path: ended });
  await first.shutdown();
  const second = await setUp(t, { path });
  await first.reportFailure(reason);
  t.deepEqual([lacksIn(ended), lacksIn(path)], [[], []], 'the log of another set-up is not told');
  await second.reportFailure(reason);
  await second.reportFailure('why', { large });
  await second.reportSuccess({ fine: 1 });
  t.deepEqual(lacksIn(path), [{ reason }, { refused: ['large'] }]);
});

test.serial('a report that names nobody is said to be of an unknown program', async (t) => {
  for (const theirs of ['result=success', 'no report at all']) {
    const path = poolOf(t);
    openPool(path).setSync(REPORT_KEY, theirs);
    const tracing = await setUp(t, { path });
    const { error } = await tracing.reportSuccess();
    await tracing.shutdown();
    const who = 'a report of an unknown program, of an unknown VM, without a time, not of "my-agent"';
    t.true(String(error).includes(who), String(error));
  }
});

test.serial("another boot's pool is emptied for a report only where that is asked for", async (t) => {
  if (!has(t, bootUnknown)) return;
  const path = poolOf(t);
  openPool(path).setSync(REPORT_KEY, OTHERS);
  utimesSync(path, 1, 1);
  const keeping = await setUp(t, { path, clearStale: false, filter: 'off' });
  t.is((await keeping.reportSuccess()).written, false);
  t.is(openPool(path).getSync(REPORT_KEY), OTHERS);
  await keeping.shutdown();
  utimesSync(path, 1, 1);
  const clearing = await setUp(t, { path, clearStale: true, filter: 'off' });
  t.true((await clearing.reportSuccess()).written);
  t.deepEqual(
    openPool(path)
      .dumpSync()
      .map(({ key }) => key),
    [REPORT_KEY],
  );
});

test.serial('a report goes to the pool that was set up, wherever the program has gone since', async (t) => {
  const path = poolOf(t);
  const folder = process.cwd();
  t.teardown(() => process.chdir(folder));
  process.chdir(dirname(path));
  const tracing = await setUp(t, { path: basename(path) });
  process.chdir(folder);
  t.like(await tracing.reportSuccess(), { written: true, error: undefined });
  t.is(openPool(path).size, 1);
});
