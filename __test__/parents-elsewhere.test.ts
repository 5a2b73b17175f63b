import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import test from 'ava';
import { timeline } from '../src/diagnostics/timeline/timeline.ts';
import type { TimelineNode } from '../src/diagnostics/timeline/timeline-node.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { ensureContextManager } from '../src/opentelemetry/layer/context-manager.ts';
import { extract, inject, OpenTelemetryLayer } from '../src/opentelemetry/index.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { log, setUp } from './helpers/exported-spans.ts';
import { poolOf } from './helpers/pool-folder.ts';
import { told as processed } from './helpers/processed-spans.ts';
import { ended, start } from './helpers/programs.ts';
import { replayed, shape } from './helpers/replayed.ts';
import { event, span } from './helpers/told.ts';

ensureContextManager();
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

const traceId = 'a'.repeat(32);
const spanId = (digit: string) => digit.repeat(16);

/** `parent [child, child]`, by name. */
const text = ({ name, children }: TimelineNode): string =>
  children.length === 0 ? name : `${name} [${children.map(text).join(', ')}]`;
const trees = (...diagnostics: Parameters<typeof timeline>) => timeline(...diagnostics).roots.map(text);
const treesIn = (path: string) => trees(readDiagnosticsSync(path).diagnostics);

test("a span whose caller's pool is the same hangs under the caller's span, as does a process under the one that started it", async (t) => {
  const path = poolOf(t);
  const { provider } = setUp();
  const kvp = new EmitKVPLayer({ path, vmId: 'vm', agent: 'caller' });
  const registry = new Registry().with(kvp).with(new OpenTelemetryLayer({ provider }));
  const source = `import { initializeTracing, inSpan } from 'kvp-tracing';
    const [path] = process.argv.slice(2);
    const tracing = await initializeTracing({ service: 'child', kvp: { path, vmId: 'vm' }, stderr: false });
    inSpan('child', () => inSpan('grandchild', () => {}));
    await tracing.shutdown();`;
  await withDefault(registry, () =>
    log.inSpan('call', async () => {
      const headers = inject();
      // The other service, of another registry.
      const other = new Registry()
        .with(new EmitKVPLayer({ path, vmId: 'vm', agent: 'service' }))
        .with(new OpenTelemetryLayer({ provider: setUp().provider }));
      withDefault(other, () =>
        log.inSpan('serve', { parent: extract(headers) }, () => log.inSpan('store', () => {})),
      );
      await other.shutdown();
      const env = { TRACEPARENT: headers['traceparent'], OTEL_TRACES_EXPORTER: 'none' };
      t.like(await ended(start({ source, folder: poolOf(t).replace(/\/[^/]*$/, '') }, [path], { env })), {
        code: 0,
        stderr: '',
      });
    }),
  );
  await registry.shutdown();
  t.deepEqual(treesIn(path), ['call [serve [store], child [grandchild]]']);
});

test('spans of ours and of another instrumentation are one tree of the pool that has both', async (t) => {
  let path = '';
  const diagnostics = await processed(t, async (tracer, { provider, path: own }) => {
    path = own;
    const kvp = new EmitKVPLayer({ path, vmId: 'vm' });
    const registry = new Registry().with(kvp).with(new OpenTelemetryLayer({ provider }));
    const remote = { traceId, spanId: spanId('b'), traceFlags: 1, isRemote: true };
    const caller = trace.setSpanContext(context.active(), remote);
    withDefault(registry, () =>
      tracer.startActiveSpan('theirs', { kind: SpanKind.SERVER }, caller, (theirs) => {
        log.inSpan('ours', () => {
          tracer.startActiveSpan('their query', (query) => {
            log.inSpan('row', () => {});
            query.end();
          });
          log.inSpan('alone', { parent: null }, () => {});
        });
        theirs.end();
      }),
    );
    await registry.shutdown();
  });
  t.deepEqual(trees(diagnostics), ['theirs [ours [their query [row]]]', 'alone']);
  // The caller is in no pool, and is still known when the spans are replayed.
  t.is(diagnostics.find(({ name }) => name === 'theirs')?.parentSpanId, spanId('b'));
  const { named, exported } = await replayed(path);
  t.is(named('theirs').parentSpanContext?.spanId, spanId('b'));
  t.is(named('alone').parentSpanContext, undefined);
  t.deepEqual(shape(exported), [
    'alone',
    'ours<theirs',
    'row<their query',
    'their query<ours',
    'theirs<undefined',
  ]);
});

test('callers are found by the ids of OpenTelemetry, whatever else pools say', (t) => {
  const ids = (own: string, parent?: string) => ({
    traceId,
    spanId: spanId(own),
    ...(parent !== undefined && { parentSpanId: spanId(parent) }),
  });
  const served = span('serve', 2, 3, { agent: 'service/1', ...ids('b', 'a') });
  t.deepEqual(trees([...served, ...span('call', 1, 4, ids('a'))]), ['call [serve]']);
  // The caller has not ended: its events tell its ids.
  const [open] = span('call', 1, 4);
  t.deepEqual(trees([open, event('asking', 1, { span: open.id, ...ids('a') }), ...served]), ['call [serve]']);
  // A finish alone.
  t.deepEqual(trees([...span('call', 1, 4, ids('a')).slice(1), ...served.slice(1)]), ['call [serve]']);
  // The same span in another trace, no trace, none of the kind, itself, and each the caller of the other.
  t.deepEqual(trees([...span('call', 1, 4, { ...ids('a'), traceId: 'f'.repeat(32) }), ...served]), [
    'call',
    'serve',
  ]);
  t.deepEqual(trees([...span('call', 1, 4, { spanId: spanId('a') }), ...served]), ['call', 'serve']);
  t.deepEqual(trees(served), ['serve']);
  t.deepEqual(trees(span('loop', 1, 2, ids('a', 'a'))), ['loop']);
  t.deepEqual(trees([...span('one', 1, 4, ids('a', 'b')), ...span('two', 2, 3, ids('b', 'a'))]), [
    'one [two]',
  ]);
  // A recorded parent that is nearer is not lost when the caller is in no pool.
  t.deepEqual(
    trees([...span('outer', 1, 4), ...span('inner', 2, 3, { parent: 'outer', ...ids('c', 'd') })]),
    ['outer [inner]'],
  );
});
