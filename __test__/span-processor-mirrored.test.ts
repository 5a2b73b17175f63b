import { setTimeout as sleep } from 'node:timers/promises';
import { context } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { ensureContextManager } from '../src/opentelemetry/layer/context-manager.ts';
import { KvpSpanProcessor, OpenTelemetryLayer } from '../src/opentelemetry/index.ts';
import { reload } from '../src/filter/reload.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { poolOf } from './helpers/pool-folder.ts';
import { kinds, told } from './helpers/processed-spans.ts';
import { ROOT } from './helpers/programs.ts';

ensureContextManager();

for (const order of ['first', 'last'] as const) {
  test(`a span that EmitKVPLayer wrote, added ${order}, is not written twice, and others nest in it`, async (t) => {
    const diagnostics = await told(t, async (_, { provider, path }) => {
      const kvp = new EmitKVPLayer({ path, vmId: 'vm' });
      const mirror = new OpenTelemetryLayer({ provider, filter: 'debug' });
      const registry = new Registry();
      for (const layer of order === 'first' ? [kvp, mirror] : [mirror, kvp]) registry.with(layer);
      await withDefault(registry, () =>
        target('agent').inSpan('ours', async () => {
          await sleep(1);
          target('agent').info('event of ours');
          provider.getTracer('http').startActiveSpan('theirs', (span) => span.end());
          target('agent').inSpan('unseen', { level: 'debug' }, () => {});
        }),
      );
      await kvp.shutdown();
    });
    t.deepEqual(kinds(diagnostics).toSorted(), [
      'event ours',
      'finish ours',
      'finish theirs',
      'finish unseen',
      'start ours',
      'start theirs',
      'start unseen',
    ]);
    const idOf = (name: string) => diagnostics.find((each) => each.kind === 'start' && each.name === name);
    t.is(idOf('theirs')?.parent, idOf('ours')?.id);
    t.is(idOf('unseen')?.parent, idOf('ours')?.id);
  });
}

test('a span that EmitKVPLayer wrote to another pool, or not at all, is written', async (t) => {
  for (const options of [{ path: poolOf(t) }, { spanEvents: [] }, { filter: 'off' as const }]) {
    const diagnostics = await told(t, async (_, { provider, path }) => {
      const kvp = new EmitKVPLayer({ path, vmId: 'vm', ...options });
      const registry = new Registry().with(kvp).with(new OpenTelemetryLayer({ provider }));
      withDefault(registry, () => target('agent').inSpan('ours', () => {}));
      await kvp.shutdown();
    });
    t.deepEqual(kinds(diagnostics), ['start ours', 'finish ours']);
    t.is(diagnostics[0]?.target, 'kvp-tracing');
  }
});

test('a span that a reloadable EmitKVPLayer wrote is not written twice, whichever layer is in place', async (t) => {
  const elsewhere = new EmitKVPLayer({ path: poolOf(t), vmId: 'vm' });
  const diagnostics = await told(t, async (_, { provider, path }) => {
    const [layer, handle] = reload(new EmitKVPLayer({ path, vmId: 'vm' }));
    const registry = new Registry().with(layer).with(new OpenTelemetryLayer({ provider }));
    await withDefault(registry, async () => {
      target('agent').inSpan('to this pool', () => {});
      handle.reload(elsewhere);
      target('agent').inSpan('to another pool', () => {});
      const again = new EmitKVPLayer({ path, vmId: 'vm' });
      handle.reload(again);
      target('agent').inSpan('to this pool again', () => {});
      await again.flush();
    });
    await registry.shutdown();
  });
  t.deepEqual(
    diagnostics.map(({ kind, name, target }) => `${kind} ${name} of ${target}`).toSorted(),
    ['finish', 'start'].flatMap((kind) => [
      `${kind} to another pool of kvp-tracing`,
      `${kind} to this pool again of agent`,
      `${kind} to this pool of agent`,
    ]),
  );
});

test('context of a mirrored span that is handed on does not hide what starts in it later', async (t) => {
  const diagnostics = await told(t, async (tracer, { provider, path }) => {
    const kvp = new EmitKVPLayer({ path, vmId: 'vm' });
    const registry = new Registry().with(kvp).with(new OpenTelemetryLayer({ provider }));
    const inside = withDefault(registry, () => target('agent').inSpan('ours', () => context.active()));
    tracer.startSpan('later', {}, inside).end();
    await kvp.shutdown();
  });
  t.is(diagnostics.filter(({ name }) => name === 'later').length, 2);
});

test('a processor of another copy of the package knows what EmitKVPLayer wrote, too', async (t) => {
  const built = new URL('dist/opentelemetry.cjs', ROOT).href;
  const other = (await import(built)) as typeof import('../src/opentelemetry/index.ts');
  t.not(other.KvpSpanProcessor, KvpSpanProcessor);
  const path = poolOf(t);
  const processor = new other.KvpSpanProcessor({ path, vmId: 'vm' });
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  const registry = new Registry()
    .with(new OpenTelemetryLayer({ provider }))
    .with(new EmitKVPLayer({ path, vmId: 'vm' }));
  withDefault(registry, () => target('agent').inSpan('ours', () => {}));
  await registry.shutdown();
  t.deepEqual(kinds(readDiagnosticsSync(path).diagnostics), ['start ours', 'finish ours']);
});
