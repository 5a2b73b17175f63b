import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { diagnostics } from '../src/diagnostics/write/diagnostics-writer.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { readPool } from '../src/pool/read-pool.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { daemonMissing, HypervHost } from './helpers/hyperv-host.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';

/** Starts the real daemon with a fake host on the pools of a folder. */
async function hostOf(t: ExecutionContext, folder: string): Promise<HypervHost> {
  const host = await HypervHost.start(folder);
  t.teardown(() => host.stop());
  return host;
}

/** The host sees exactly what our reader returns, in order, nothing cut. */
async function hostSeesAll(t: ExecutionContext, host: HypervHost, pool: string): Promise<void> {
  const records = readPool(pool);
  t.true(records.length > 0);
  t.deepEqual(await host.enumerate(1), records);
  t.notThrows(() => new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(pool)));
}

test('the daemon hands a host every record of the demo, in order and whole', async (t) => {
  if (!has(t, daemonMissing)) return;
  const folder = folderOf(t);
  const host = await hostOf(t, folder);
  const pool = join(folder, '.kvp_pool_1');
  const { code, stderr } = await ended(
    start({ file: 'examples/provision.ts' }, ['--into', folder, '--pool', pool]),
  );
  t.is(code, 0, stderr);
  t.is(readDiagnosticsSync(pool).diagnostics.length, 27);
  await hostSeesAll(t, host, pool);
});

test('hostile names, fields and messages reach the host whole', async (t) => {
  if (!has(t, daemonMissing)) return;
  const folder = folderOf(t);
  const host = await hostOf(t, folder);
  const pool = join(folder, '.kvp_pool_1');
  const layer = new EmitKVPLayer({
    path: pool,
    agent: 'agent|with\0bars-and-a-long-name/1.2.3',
    vmId: 'vm',
    filter: 'trace',
    maxRecords: 2000,
  });
  const registry = new Registry().with(layer);
  const large = ['x'.repeat(100_000), '日'.repeat(33_000)];
  const names = ['a|b', 'nul\0name', 'line\nfeed', '😀'.repeat(40), `${'n'.repeat(46)}é`, '\ud800lone', ''];
  const texts = Array.from({ length: 5 }, (_, pad) => 'a'.repeat(940 - pad) + '😀é日'.repeat(300));
  texts.push('\ud800 \udfff', 'nul \0 nul', 'bar | bar', 'line\r\nfeed\u2028');
  withDefault(registry, () => {
    for (const name of names) {
      const log = target(name || 'target');
      log.inSpan(name, { fields: { [name]: name } }, () => {
        for (const text of texts) log.info({ text }, text);
      });
      log.warn({ name }, name);
    }
    for (const text of large) target('large').info(text);
  });
  t.deepEqual(await registry.shutdown(), { complete: true, dropped: 0, problems: [] });
  await hostSeesAll(t, host, pool);

  const { diagnostics, problems } = readDiagnosticsSync(pool);
  t.deepEqual(problems, []);
  const starts = diagnostics.filter(({ kind }) => kind === 'start');
  t.true(starts.every(({ agent }) => agent === 'agent_with_bars-and-a-long/1.2.3'));
  t.deepEqual(
    starts.map(({ name }) => name),
    names.map((name) => name.toWellFormed() || '_'),
  );
  const wellFormed = texts.map((text) => text.toWellFormed());
  const events = diagnostics.filter(({ kind, level }) => kind === 'event' && level === 'INFO');
  t.deepEqual(
    events.map(({ message, fields }) => fields['text'] ?? message),
    [...names.flatMap(() => wellFormed), ...large],
  );
});

test('the daemon may rewrite another pool while records are written', async (t) => {
  if (!has(t, daemonMissing)) return;
  const folder = folderOf(t);
  const host = await hostOf(t, folder);
  const pool = join(folder, '.kvp_pool_1');
  const layer = new EmitKVPLayer({ path: pool, vmId: 'vm' });
  const registry = new Registry().with(layer);
  for (let round = 0; round < 20; round++) {
    withDefault(registry, () => target('t').info({ round }, 'round'));
    await host.set(0, `key${round % 3}`, 'value');
    if (round % 5 === 0) await host.enumerate(1);
  }
  t.deepEqual(await registry.shutdown(), { complete: true, dropped: 0, problems: [] });
  await hostSeesAll(t, host, pool);
  t.is(readPool(pool).length, 20);
});

test('diagnostics read from what the host sees equal those read from the file', async (t) => {
  if (!has(t, daemonMissing)) return;
  const folder = folderOf(t);
  const pool = join(folder, '.kvp_pool_1');
  const samples = ['diag-azure-init', 'azure-init-0.1', 'cloud-init-26.2', 'cloud-init-22.4'];
  writeFileSync(
    pool,
    Buffer.concat(samples.map((name) => readFileSync(`__test__/fixtures/samples/${name}.kvp_pool`))),
  );
  using diag = diagnostics(pool, { agent: 'my-agent/1.0', vmId: 'vm' });
  await diag.artifact('some.log', Buffer.from('a line é 😀\n'.repeat(3000)), { encoding: 'gz+b64' });
  await diag.event('long', '日本語 é 😀'.repeat(500), { encoding: 'none' });
  const legacy = new EmitKVPLayer({
    path: pool,
    format: 'azure-init',
    agent: 'azure-init/0.1.1',
    vmId: 'vm',
  });
  const registry = new Registry().with(legacy);
  withDefault(registry, () =>
    target('app').inSpan('work', () => target('app').info({ text: '日é😀'.repeat(400) }, 'long')),
  );
  await registry.shutdown();
  const fromFile = readDiagnosticsSync(pool);
  t.deepEqual(fromFile.problems, []);
  t.is(fromFile.reports.length, 1);
  t.is(fromFile.diagnostics.at(-2)?.fields['text'], '日é😀'.repeat(400));
  const host = await hostOf(t, folder);
  t.deepEqual(readDiagnosticsSync(await host.enumerate(1)), fromFile);
});
