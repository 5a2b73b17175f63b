import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { ProvisioningError } from '../src/diagnostics/report/provisioning-error.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { REPORT_KEY } from '../src/diagnostics/report/report.ts';
import type { EmitKVPLayerOptions } from '../src/layers/emit-kvp-layer.ts';
import { chooseBackend } from '../src/pool/binding.ts';
import { openPool } from '../src/pool/open-pool.ts';
import type { ReportOutcome } from '../src/setup/reporter.ts';
import { initializeTracing } from '../src/setup/initialize-tracing.ts';
import { target } from '../src/tracing/target.ts';
import { daemonMissing, HypervHost } from './helpers/hyperv-host.ts';
import { flockMissing, holdLock, pythonMissing } from './helpers/lock-holder.ts';
import { bootUnknown } from './helpers/namespaces.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';

const log = target('agent');
const VM = '3a1d9c5e-0000-4000-8000-0123456789ab';
const isNative = chooseBackend() === 'native';

async function setUp(t: ExecutionContext, kvp: EmitKVPLayerOptions | false) {
  const problems: Error[] = [];
  const tracing = await initializeTracing({
    service: 'my-agent',
    version: '1.2',
    kvp: kvp && { vmId: VM, ...kvp },
    opentelemetry: false,
    stderr: false,
    onProblem: (problem) => problems.push(problem),
  });
  t.teardown(() => tracing.shutdown());
  return { tracing, problems };
}

function withoutTime(text: string): string {
  return text.replace(/timestamp=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, 'timestamp=T');
}

function reportsIn(path: string): string[] {
  return readDiagnosticsSync(path).reports.map(({ text }) => text);
}

function failed(t: ExecutionContext, { written, error }: ReportOutcome, code: string): void {
  t.false(written);
  t.is((error as { code?: string }).code, code, String(error));
}

test.serial('a success is one record behind everything emitted before', async (t) => {
  const path = poolOf(t);
  const { tracing, problems } = await setUp(t, { path, maxRecords: 20_000, queueBytes: 2 ** 24 });
  // More than is written meanwhile.
  const text = 'x'.repeat(20_000);
  for (let i = 0; i < 100; i++) log.info({ i, text }, 'before');
  const {
    written,
    text: line,
    refused,
    error,
  } = await tracing.reportSuccess({ pps_type: 'Running', n: 1n, s: 'a|b' });
  t.deepEqual([written, refused, error], [true, [], undefined]);
  t.is(
    withoutTime(line),
    `result=success|agent=my-agent/1.2|pps_type=Running|vm_id=${VM}|timestamp=T|n=1|"s=a|b"`,
  );
  const { diagnostics, reports } = readDiagnosticsSync(path);
  t.is(diagnostics.length, 100);
  t.deepEqual(
    reports.map((report) => [report.text, report.records]),
    [[line, [openPool(path).size - 1]]],
  );
  t.deepEqual(problems, []);
});

test.serial('it is also behind what waits for a lock that it waits for itself', async (t) => {
  if (!has(t, flockMissing)) return;
  // Whoever asks first once the lock is free would be first by chance.
  for (let round = 0; round < 8; round++) {
    const path = join(folderOf(t), 'pool');
    writeFileSync(path, '');
    const { tracing } = await setUp(t, { path });
    const release = await holdLock(t, 'flock', path);
    log.info('before');
    const reported = tracing.reportSuccess();
    await sleep(40 + 5 * round);
    await release();
    t.true((await reported).written);
    t.deepEqual(readDiagnosticsSync(path).reports[0]?.records, [1]);
    await tracing.shutdown();
  }
});

test.serial('a failure says why, with what an error and its causes know', async (t) => {
  const path = poolOf(t);
  const { tracing } = await setUp(t, { path });
  const data = { supportingData: { step: 'mount', k: 'theirs' }, documentationUrl: 'https://u' };
  const inner = new ProvisioningError('no disk', data);
  const expected: [unknown, string][] = [
    ['plain', 'reason=plain|agent=my-agent/1.2|k=mine'],
    [
      new Error('outer', { cause: new Error('inner', { cause: 'root' }) }),
      'reason=outer: inner: root|agent=my-agent/1.2|k=mine',
    ],
    [new TypeError(), 'reason=TypeError|agent=my-agent/1.2|k=mine'],
    [inner, 'reason=no disk|agent=my-agent/1.2|step=mount|k=mine'],
    [new Error('outer', { cause: inner }), 'reason=no disk|agent=my-agent/1.2|step=mount|k=mine'],
  ];
  for (const [reason, start] of expected) {
    const { written, text: line } = await tracing.reportFailure(reason as Error, { k: 'mine' });
    t.true(written);
    const url = start.includes('no disk') ? '|documentation_url=https://u' : '';
    t.is(withoutTime(line), `result=error|${start}|pps_type=None|vm_id=${VM}|timestamp=T${url}`);
    t.deepEqual(reportsIn(path), [line]);
  }
});

test.serial('extras set the fields of their names', async (t) => {
  const { tracing } = await setUp(t, { path: poolOf(t) });
  const extras = { agent: 'other/2', vm_id: 'v', documentation_url: 'u', timestamp: 'x', replace: 'true' };
  const { text: line, refused } = await tracing.reportSuccess(extras);
  t.is(
    withoutTime(line),
    'result=success|agent=other/2|pps_type=None|vm_id=v|timestamp=T|replace=true|documentation_url=u',
  );
  t.deepEqual(refused, ['timestamp']);
});

test.serial('duplicates collapse, and of calls at once the last one wins', async (t) => {
  const path = poolOf(t);
  const own = `result=success|agent=my-agent/1.0`;
  await openPool(path).append([
    { key: REPORT_KEY, value: own },
    { key: 'a', value: '1' },
    { key: REPORT_KEY, value: own },
  ]);
  const { tracing } = await setUp(t, { path });
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, n) => {
      return n % 2 === 0 ? tracing.reportSuccess({ n }) : tracing.reportFailure('why', { n });
    }),
  );
  t.true(outcomes.every(({ written }) => written));
  t.deepEqual(reportsIn(path), [outcomes.at(-1)?.text]);
  t.is(openPool(path).getSync('a'), '1');
});

test.serial("another program's report stays unless it is to be replaced", async (t) => {
  for (const theirs of ['result=error|reason=x|agent=Cloud-Init/24.1', 'result=success', 'torn', '']) {
    const path = poolOf(t);
    openPool(path).setSync(REPORT_KEY, theirs);
    const { tracing } = await setUp(t, { path });
    const refusal = await tracing.reportSuccess({ replace: 'true' });
    failed(t, refusal, 'ERR_KVP_FOREIGN_REPORT');
    t.regex(refusal.text, /^result=success/);
    t.is(openPool(path).getSync(REPORT_KEY), theirs);
    t.like(await tracing.reportSuccess({}, { replace: true }), { written: true });
    openPool(path).setSync(REPORT_KEY, theirs);
    const { written, text: line } = await tracing.reportSuccess({ replace: true });
    t.true(written);
    t.is(openPool(path).getSync(REPORT_KEY), line);
    await tracing.shutdown();
  }
});

test.serial("a report that an earlier boot left stands in nobody's way", async (t) => {
  if (!has(t, bootUnknown)) return;
  const path = poolOf(t);
  openPool(path).setSync(REPORT_KEY, 'result=error|reason=x|agent=Cloud-Init/24.1');
  utimesSync(path, 1, 1);
  const { tracing } = await setUp(t, { path, clearStale: true, filter: 'off' });
  const { written, text } = await tracing.reportSuccess();
  t.true(written);
  t.deepEqual(openPool(path).dumpSync(), [{ key: REPORT_KEY, value: text }]);
  await tracing.shutdown();
});

test.serial('a report of another VM, whose disk was captured, is replaced', async (t) => {
  const OTHER = '11111111-2222-4333-8444-555555555555';
  const swapped = '5e9c1d3a-0000-0040-8000-0123456789ab';
  const cases: [vmId: string, isReplaced: boolean][] = [
    [OTHER, true],
    [OTHER.toUpperCase(), true],
    [VM, false],
    [VM.toUpperCase(), false],
    // As the firmware of a generation 1 VM spells it.
    [swapped, false],
    ['00000000-0000-0000-0000-000000000000', false],
    ['', false],
  ];
  for (const [vmId, isReplaced] of cases) {
    const path = poolOf(t);
    const there = `result=error|reason=x|agent=azure-init/0.1.1|vm_id=${vmId}|timestamp=2026-01-01T00:00:00Z`;
    await openPool(path).append(REPORT_KEY, there);
    const { tracing } = await setUp(t, { path });
    const outcome = await tracing.reportSuccess();
    t.is(outcome.written, isReplaced, vmId);
    await tracing.shutdown();
    t.is(reportsIn(path).length, 1);
    if (isReplaced) continue;
    const kept = `a report of "azure-init/0.1.1", of VM ${JSON.stringify(vmId)}, of "2026-01-01T00:00:00Z", not of "my-agent"`;
    t.true(String(outcome.error).includes(kept), String(outcome.error));
  }
});

test.serial('of two programs in one pool the later one is told who was first', async (t) => {
  const path = poolOf(t);
  await openPool(path).append([
    { key: REPORT_KEY, value: 'result=success|agent=azure-init/0.1.1' },
    { key: REPORT_KEY, value: 'result=success|agent=my-agent/1.1' },
  ]);
  const { tracing } = await setUp(t, { path });
  const outcome = await tracing.reportSuccess();
  failed(t, outcome, 'ERR_KVP_FOREIGN_REPORT');
  t.regex(
    String(outcome.error),
    /a report of "azure-init\/0.1.1", of an unknown VM, without a time, not of "my-agent"; \{ replace: true \}/,
  );
  t.is(reportsIn(path).length, 2);
});

test.serial(
  'a report is written when the budget is spent, the queue is full and the filter says no',
  async (t) => {
    const [full, queued, off] = [poolOf(t), poolOf(t), poolOf(t)];
    const cases = [
      { path: full, maxRecords: 4 },
      { path: queued, queueBytes: 4096 },
      { path: off, filter: 'off' },
    ] as const;
    for (const kvp of cases) {
      const { tracing } = await setUp(t, kvp);
      for (let i = 0; i < 500; i++) log.info({ i, text: 'x'.repeat(200) }, 'much');
      const { written, text: line } = await tracing.reportFailure('why');
      t.true(written);
      t.deepEqual(reportsIn(kvp.path), [line]);
      await tracing.shutdown();
    }
    t.true(openPool(full).size <= 5);
    t.is(openPool(off).size, 1);
  },
);

test.serial('a report has room behind more keys than a pool may have', async (t) => {
  const path = poolOf(t);
  await openPool(path).append(Array.from({ length: 1100 }, (_, i) => ({ key: `k${i}`, value: '' })));
  const { tracing } = await setUp(t, { path });
  t.true((await tracing.reportSuccess()).written);
  t.is(openPool(path).size, 1101);
});

test.serial('what a report lacks stands in the log and in the pool before it', async (t) => {
  const path = poolOf(t);
  const { tracing } = await setUp(t, { path });
  const reason = `why ${'é'.repeat(3000)}`;
  const { written, refused } = await tracing.reportFailure(reason, {
    fine: 1,
    large: 'x'.repeat(2000),
    'a=b': 1,
  });
  t.true(written);
  t.deepEqual(refused, ['a=b', 'large']);
  const { diagnostics, reports } = readDiagnosticsSync(path);
  t.is(diagnostics.length, 1);
  t.like(diagnostics[0], {
    level: 'WARN',
    target: 'kvp_tracing',
    fields: { reason, refused: ['a=b', 'large'] },
  });
  t.true((reports[0]?.records[0] ?? 0) > (diagnostics[0]?.records.at(-1) ?? Infinity));
  t.regex(reports[0]?.reason ?? '', /^why é+…$/);
});

test.serial('secrets do not leave the program in a report', async (t) => {
  const { tracing } = await setUp(t, { path: poolOf(t) });
  const error = new ProvisioningError('why', { supportingData: { password: 'geheim' } });
  const extras = { token: 'geheim', deep: { secret: 'geheim' } };
  const { text: line } = await tracing.reportFailure(error, extras);
  t.notRegex(line, /geheim/);
  t.is(extras.deep.secret, 'geheim');
});

test.serial('without a pool there is a text, and why it is not written', async (t) => {
  const { tracing } = await setUp(t, false);
  const outcome = await tracing.reportSuccess({ vm_id: 'v' });
  failed(t, outcome, 'ERR_KVP_INVALID_OPTION');
  t.is(withoutTime(outcome.text), 'result=success|agent=my-agent/1.2|pps_type=None|vm_id=v|timestamp=T');
});

test.serial('a missing folder and a folder in place of the pool are errors', async (t) => {
  const folder = folderOf(t);
  for (const [path, code] of [
    [join(folder, 'missing', 'pool'), 'ERR_KVP_IO'],
    [folder, 'ERR_KVP_NOT_A_POOL_FILE'],
  ] as const) {
    const { tracing } = await setUp(t, { path });
    failed(t, await tracing.reportSuccess(), code);
    await tracing.shutdown();
  }
  t.false(existsSync(join(folder, 'missing')));
});

test.serial('a report is written where the layer could not be set up, and after shutdown', async (t) => {
  const path = join(folderOf(t), 'folder', 'pool');
  const { tracing, problems } = await setUp(t, { path: folderOf(t) });
  t.is(problems.length, 1);
  failed(t, await tracing.reportSuccess(), 'ERR_KVP_NOT_A_POOL_FILE');
  await tracing.shutdown();
  const other = await setUp(t, { path: join(path, '..', '..', 'pool') });
  log.info('before');
  await other.tracing.shutdown();
  const { written } = await other.tracing.reportFailure('x'.repeat(2000));
  t.true(written);
  t.is(openPool(join(path, '..', '..', 'pool')).size, 2);
});

test.serial('hostile reasons, extras and options reject nothing', async (t) => {
  const path = poolOf(t);
  const { tracing } = await setUp(t, { path });
  const thrower = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no');
      },
      get: () => {
        throw new Error('no');
      },
    },
  );
  const evil = new Error('evil');
  Object.defineProperty(evil, 'cause', {
    get: () => {
      throw new Error('no');
    },
  });
  const loop = new Error('loop');
  loop.cause = loop;
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const hostile of [
    thrower,
    evil,
    loop,
    proxy,
    null,
    undefined,
    7n,
    Symbol('s'),
    () => {},
    '\0\ud800',
  ]) {
    const { written, error } = await tracing.reportFailure(hostile as never, hostile as never);
    t.true(written, String(error));
  }
  t.false((await tracing.reportFailure('why', {}, thrower as never)).written);
  t.is(reportsIn(path).length, 1);
});

for (const kind of ['flock', 'fcntl'] as const) {
  test.serial(`somebody's ${kind} lets a call answer in time`, async (t) => {
    if (!has(t, flockMissing ?? pythonMissing)) return;
    // The fallback takes no fcntl lock.
    if (kind === 'fcntl' && !isNative) return t.pass();
    const path = poolOf(t);
    const { tracing } = await setUp(t, { path });
    log.info('first');
    await tracing.flush();
    const release = await holdLock(t, kind, path);
    log.info('second');
    const outcomes = await Promise.all([tracing.reportFailure('why'), tracing.reportSuccess()]);
    for (const outcome of outcomes) failed(t, outcome, 'ERR_KVP_LOCK_TIMEOUT');
    await release();
    t.deepEqual(reportsIn(path), []);
    t.true((await tracing.reportSuccess()).written);
    const { diagnostics, reports } = readDiagnosticsSync(path);
    t.deepEqual(
      diagnostics.map(({ message }) => message),
      ['first', 'second'],
    );
    t.is(reports[0]?.records[0], 2);
  });
}

test.serial('the host finds the report behind everything emitted before it', async (t) => {
  if (!has(t, daemonMissing)) return;
  const folder = folderOf(t);
  const host = await HypervHost.start(folder);
  t.teardown(() => host.stop());
  const { tracing } = await setUp(t, { path: join(folder, '.kvp_pool_1') });
  log.inSpan('provision', () => log.info('working'));
  const { text: line } = await tracing.reportFailure('no | "disk"\n', { ключ: '😀' });
  const records = await host.enumerate(1);
  t.deepEqual(
    records.map(({ key }) => key.split('|')[3] ?? key),
    ['start', 'event', 'finish', REPORT_KEY],
  );
  t.is(records.at(-1)?.value, line);
});
