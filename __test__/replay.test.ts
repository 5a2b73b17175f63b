import { setTimeout as sleep } from 'node:timers/promises';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import test from 'ava';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import type { ReplayCursor } from '../src/opentelemetry/index.ts';
import type { PoolRecord } from '../src/pool/record.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { VM } from './helpers/diag-records.ts';
import { log, millisOf, setUp } from './helpers/exported-spans.ts';
import { poolOf } from './helpers/pool-folder.ts';
import { at, finished, happened, idsOf, replayed, SAMPLES, shape, started } from './helpers/replayed.ts';

test("azure-init's spans are replayed with times, parents, events, and who wrote them", async (t) => {
  const { exported, named, spans, events, skipped } = await replayed(`${SAMPLES}/diag-azure-init.kvp_pool`);
  t.deepEqual(shape(exported), ['configure_ssh_keys<provision_user', 'provision_user', 'set_hostname']);
  t.deepEqual([spans, events, skipped], [3, 8, 1]);
  const span = named('provision_user');
  t.deepEqual(
    { ...span.attributes },
    { level: 'INFO', target: 'bench::sample', user: 'azureuser', user_id: 1000, fail: false },
  );
  t.deepEqual(span.resource.attributes, {
    'service.name': 'azure-init',
    'service.version': '0.1.1',
    'host.id': VM,
  });
  t.is(millisOf(span.startTime), Date.parse('2026-11-22T18:09:14.704Z'));
  t.deepEqual(span.duration, [0, 1_522_000]);
  t.is(span.kind, SpanKind.INTERNAL);
  t.deepEqual(span.status, { code: SpanStatusCode.UNSET });
  t.deepEqual(
    span.events.map(({ name }) => name),
    ['Starting user provisioning', 'User provisioning completed successfully'],
  );
  t.not(named('set_hostname').spanContext().traceId, span.spanContext().traceId);
  t.is(named('configure_ssh_keys').spanContext().traceId, span.spanContext().traceId);
});

test("azure-init's older layout is replayed as the timeline puts it together", async (t) => {
  const { exported, named } = await replayed(`${SAMPLES}/azure-init-0.1.kvp_pool`);
  t.deepEqual(shape(exported), ['configure_ssh_keys<provision_user', 'provision_user', 'set_hostname']);
  const span = named('configure_ssh_keys');
  t.deepEqual(span.resource.attributes, {
    'service.name': 'azure-init',
    'service.version': '0.1.1',
    'host.id': VM,
  });
  t.is(span.events.length, 5);
  t.deepEqual(
    { ...span.events[0]?.attributes },
    { level: 'INFO', target: 'bench::sample', user: 'azureuser', key_count: 3 },
  );
});

test("cloud-init's spans of two versions are replayed under their names", async (t) => {
  const now = await replayed(`${SAMPLES}/cloud-init-26.2.kvp_pool`);
  t.deepEqual(shape(now.exported), ['init-network', 'init-network/search-Azure<init-network']);
  const span = now.named('init-network/search-Azure');
  t.deepEqual(span.resource.attributes, { 'service.name': 'cloud-init', 'host.id': VM });
  t.is(span.events.length, 2);
  t.deepEqual(span.duration, [2, 511_000_000]);
  const before = await replayed(`${SAMPLES}/cloud-init-22.4.kvp_pool`);
  t.deepEqual(shape(before.exported), ['init-local']);
  t.deepEqual(before.named('init-local').resource.attributes, { 'service.name': 'cloud-init' });
});

test("cloud-init's failures are errors, its warnings an attribute", async (t) => {
  const finish = (name: string, result: string, uuid: number): PoolRecord => ({
    key: `CLOUD_INIT|1|finish|${name}|${VM}|00000000-0000-4000-8000-00000000000${uuid}`,
    value: JSON.stringify({ name, type: 'finish', ts: at(1), result, msg: `about ${name}` }),
  });
  const { named } = await replayed([
    finish('bad', 'FAIL', 1),
    finish('odd', 'WARN', 2),
    finish('good', 'SUCCESS', 3),
  ]);
  t.deepEqual(named('bad').status, { code: SpanStatusCode.ERROR, message: 'about bad' });
  t.deepEqual(named('odd').status, { code: SpanStatusCode.UNSET });
  t.deepEqual({ ...named('odd').attributes }, { message: 'about odd', result: 'WARN' });
  t.deepEqual(named('good').status, { code: SpanStatusCode.UNSET });
});

test('what was exported live and what is replayed from the pool are the same spans', async (t) => {
  const path = poolOf(t);
  const live = setUp();
  const registry = new Registry()
    .with(live.layer)
    .with(new EmitKVPLayer({ path, vmId: VM, agent: 'agent/1.2', maxRecords: 4096 }));
  await withDefault(registry, () =>
    log.inSpan(
      'outer',
      { level: 'warn', fields: { user: 'alice', count: 3, big: 5n, list: ['a', 'b'], deep: { x: [1] } } },
      async (outer) => {
        log.info({ n: 1.5, ok: true, none: null }, 'hello');
        await log.inSpan('inner', { fields: { 'otel.name': 'GET /', 'otel.kind': 'client' } }, () =>
          sleep(5),
        );
        await t.throwsAsync(() =>
          log.instrument({ name: 'fails', err: true }, async () => Promise.reject(new Error('disk full')))(),
        );
        log.inSpan('erred', () => log.error('not good'));
        log.inSpan('fine', { fields: { 'otel.status_code': 'ok' } }, () => log.error('not that bad'));
        log.inSpan('forgiven', (span) => {
          log.error('it happens');
          span.succeed();
        });
        log.inSpan('alone', { parent: null }, () => log.warn({ when: new Date(0) }, 'far away'));
        outer.record({ later: 'yes', user: 'bob' });
      },
    ),
  );
  // The exporter forgets its spans when it is shut down.
  const spans = [...live.spans()];
  t.like(await registry.shutdown(), { complete: true, dropped: 0 });

  const { exported, named } = await replayed(path);
  t.is(exported.length, 7);
  t.deepEqual(idsOf(exported), idsOf(spans));
  for (const was of spans) {
    const is = named(was.name);
    t.is(is.parentSpanContext?.spanId, was.parentSpanContext?.spanId, was.name);
    t.is(is.parentSpanContext?.traceId, was.parentSpanContext?.traceId);
    t.is(is.kind, was.kind);
    t.deepEqual(is.status, was.status, was.name);
    t.deepEqual({ ...is.attributes }, { ...was.attributes });
    t.deepEqual(is.instrumentationScope.name, was.instrumentationScope.name);
    // Stacks are not in a pool.
    const events = was.events.filter(({ name }) => name !== 'exception');
    t.deepEqual(
      is.events.map(({ name, attributes }) => [name, { ...attributes }]),
      events.map(({ name, attributes }) => [name, { ...attributes }]),
    );
    // Two clocks are read, one after the other, and a pool keeps milliseconds.
    const apart = Math.abs(millisOf(is.startTime) - millisOf(was.startTime));
    t.true(apart < 1000, `${was.name} starts ${apart} ms off`);
    is.events.forEach(({ time }, i) =>
      t.true(Math.abs(millisOf(time) - millisOf(events[i]?.time ?? [0, 0])) < 1000),
    );
  }
  t.deepEqual(named('outer').resource.attributes, {
    'service.name': 'agent',
    'service.version': '1.2',
    'host.id': VM,
  });
});

test('times are those recorded; where the clock was set meanwhile, the duration counts', async (t) => {
  const { named } = await replayed([started('a', 10), finished('a', 3610, 1.234567)]);
  t.is(millisOf(named('a').startTime), Date.parse(at(10)));
  t.deepEqual(named('a').duration, [1, 234_567_000]);
  t.is(millisOf(named('a').endTime), Date.parse(at(10)) + 1234.567);
});

test('a second replay gives the same ids, and none of what was forwarded', async (t) => {
  for (const name of ['diag-azure-init', 'azure-init-0.1', 'cloud-init-22.4', 'cloud-init-26.2']) {
    const pool = `${SAMPLES}/${name}.kvp_pool`;
    const first = await replayed(pool, { events: true });
    t.deepEqual(idsOf((await replayed(pool, { events: true })).exported), idsOf(first.exported));
    const since = JSON.parse(JSON.stringify(first.next)) as ReplayCursor;
    const second = await replayed(pool, { events: true, since });
    t.deepEqual([second.spans, second.exported.length, second.next], [0, 0, first.next]);
    for (const span of first.exported) {
      const { traceId, spanId } = span.spanContext();
      t.regex(traceId, /^(?!0+$)[0-9a-f]{32}$/);
      t.regex(spanId, /^(?!0+$)[0-9a-f]{16}$/);
    }
  }
});

test('a pool that grows is forwarded once, also a span that had begun before', async (t) => {
  const pool = [
    started('a', 1),
    started('b', 2, { parent: 'a' }),
    happened('in b', 3, { span: 'b' }),
    finished('b', 4, 2),
  ];
  const first = await replayed(pool);
  t.deepEqual([first.spans, first.events, first.skipped], [1, 1, 1]);
  pool.push(started('c', 5, { parent: 'a' }), finished('c', 6, 1), finished('a', 7, 6));
  const second = await replayed(pool, { since: first.next });
  t.deepEqual(second.exported.map(({ name }) => name).sort(), ['a', 'c']);
  // What came apart is one tree.
  t.deepEqual(shape([...first.exported, ...second.exported]), ['a', 'b<a', 'c<a']);
  t.is(new Set(idsOf([...first.exported, ...second.exported]).map(([, trace]) => trace)).size, 1);
  t.is((await replayed(pool, { since: second.next })).spans, 0);
});

test('a pool that lost records or was begun anew gives what is new in it', async (t) => {
  const pool = [started('a', 1), finished('a', 2, 1), started('b', 3), finished('b', 4, 1)];
  const { next } = await replayed(pool);
  t.is((await replayed(pool.slice(2), { since: next })).spans, 0);
  const anew = [started('c', 5), finished('c', 6, 1), ...pool.slice(2)];
  const { exported, next: later } = await replayed(anew, { since: next });
  t.deepEqual(shape(exported), ['c']);
  t.is(later.forwarded.length, 2);
});

test('a date stands for all that ended until then, and for nothing that was open', async (t) => {
  const pool = [
    started('a', 1),
    finished('a', 2, 1, { entered: 1 }),
    started('open', 2),
    started('b', 3),
    finished('b', 4, 1),
  ];
  const { exported, next } = await replayed(pool, { since: new Date(at(2)) });
  t.deepEqual(shape(exported), ['b']);
  pool.push(finished('open', 9, 7));
  t.deepEqual(shape((await replayed(pool, { since: next })).exported), ['open']);
});

test('a name and id used again is another span, also where the clock was set back', async (t) => {
  const pool = [started('a', 5), finished('a', 6, 1)];
  const { next } = await replayed(pool);
  pool.push(started('a', 1), finished('a', 2, 1));
  const { exported } = await replayed(pool, { since: next });
  t.deepEqual(
    exported.map(({ startTime }) => millisOf(startTime)),
    [Date.parse(at(1))],
  );
});

test('recorded ids are kept, and children of such spans are in their trace', async (t) => {
  const [trace, span] = ['AB'.repeat(16), '12'.repeat(8)];
  const ids = { trace_id: trace, span_id: span };
  const pool = [
    started('a', 1),
    started('b', 2, { parent: 'a' }),
    finished('b', 3, 1),
    finished('a', 4, 3, ids),
  ];
  const { named } = await replayed(pool);
  t.like(named('a').spanContext(), { traceId: trace.toLowerCase(), spanId: span });
  t.is(named('b').spanContext().traceId, trace.toLowerCase());
  t.is(named('b').parentSpanContext?.spanId, span);
  const byEvent = await replayed([
    started('a', 1),
    happened('x', 2, { span: 'a', ...ids }),
    finished('a', 4, 3),
  ]);
  t.is(byEvent.named('a').spanContext().spanId, span);
  const zeros = { trace_id: '0'.repeat(32), span_id: '0'.repeat(16) };
  const invalid = await replayed([started('a', 1), finished('a', 4, 3, zeros)]);
  t.regex(invalid.named('a').spanContext().spanId, /[1-9a-f]/);
});

test('a span that joined another trace has no parent in it, and ids used again are not', async (t) => {
  const ids = { trace_id: 'ab'.repeat(16), span_id: '12'.repeat(8) };
  const joined = await replayed([
    started('a', 1),
    started('b', 2, { parent: 'a' }),
    finished('b', 3, 1, ids),
    finished('a', 4, 3),
  ]);
  t.is(joined.named('b').spanContext().traceId, ids.trace_id);
  t.is(joined.named('b').parentSpanContext, undefined);
  const twice = [
    started('a', 1),
    finished('a', 2, 1, ids),
    started('b', 3),
    finished('b', 4, 1, ids),
    started('a', 5),
    finished('a', 6, 1),
  ];
  const { exported } = await replayed(twice);
  t.is(new Set(exported.map((span) => span.spanContext().spanId)).size, 3);
});

test('spans that did not end are forwarded only on request, as failed, and not once more', async (t) => {
  const pool = [
    started('a', 1),
    started('b', 2, { parent: 'a' }),
    happened('last', 5, { span: 'b' }),
    started('c', 6, { parent: 'a' }),
    finished('c', 8, 2),
  ];
  t.deepEqual(shape((await replayed(pool)).exported), ['c<undefined']);
  const { named, skipped, next } = await replayed(pool, { unfinished: true });
  t.is(skipped, 0);
  for (const name of ['a', 'b'])
    t.deepEqual(named(name).status, { code: SpanStatusCode.ERROR, message: 'unfinished' });
  t.is(millisOf(named('b').endTime), Date.parse(at(5)));
  t.is(millisOf(named('a').endTime), Date.parse(at(8)));
  pool.push(finished('b', 9, 7));
  t.is((await replayed(pool, { since: next })).spans, 0);
});

test('events outside of spans are spans of no length, on request', async (t) => {
  const ids = { trace_id: 'ab'.repeat(16), span_id: '12'.repeat(8) };
  const pool = [happened('lonely', 1), happened('orphan', 2, { span: 'gone', level: 'ERROR', ...ids })];
  const { spans, skipped, next } = await replayed(pool);
  t.deepEqual([spans, skipped, next.forwarded.length], [0, 2, 0]);
  const { exported, events } = await replayed(pool, { events: true, since: next });
  t.deepEqual([exported.map(({ name }) => name), events], [['work', 'work'], 2]);
  const [lonely, orphan] = exported;
  t.deepEqual(lonely?.startTime, lonely?.endTime);
  t.deepEqual(
    lonely?.events.map(({ name }) => name),
    ['lonely'],
  );
  t.is(lonely?.parentSpanContext, undefined);
  t.deepEqual(orphan?.status, { code: SpanStatusCode.ERROR, message: 'orphan' });
  t.is(orphan?.parentSpanContext?.spanId, ids.span_id);
  t.is(orphan?.spanContext().traceId, ids.trace_id);
});

test('a report and what is not understood are not replayed; a missing pool has nothing', async (t) => {
  const report = { key: 'PROVISIONING_REPORT', value: 'result=success|agent=a/1' };
  const pool = [report, { key: 'DIAG|odd', value: 'x' }, { key: 'foo', value: 'bar' }];
  t.like(await replayed(pool, { events: true, unfinished: true }), { spans: 0, skipped: 0 });
  t.like(await replayed(poolOf(t)), { spans: 0, skipped: 0, next: { forwarded: [] } });
});

test('secrets that somebody wrote to a pool are not forwarded', async (t) => {
  const fields = { adminPassword: 's3cret', pin: 's3cret', config: { token: 's3cret', a: 1 } };
  const records = [
    started('work', 1, { fields }),
    {
      ...happened('event', 2, { span: 'work' }),
      value: JSON.stringify({ span: 'work', fields: { message: 'm', ...fields } }),
    },
    finished('work', 3, 2, { fields }),
  ];
  const { exported } = await replayed(records, { redact: ['pin'] });
  const [span] = exported;
  t.like(span?.attributes, { adminPassword: '[redacted]', pin: '[redacted]' });
  t.like(span?.events[0]?.attributes, { adminPassword: '[redacted]', pin: '[redacted]' });
  const text = JSON.stringify(exported.map(({ attributes, events }) => ({ attributes, events })));
  t.false(text.includes('s3cret'), text);
  const [open] = (await replayed(records, { redact: false })).exported;
  t.is(open?.attributes['adminPassword'], 's3cret');
  await t.throwsAsync(replayed(records, { redact: ['a..b'] }), {
    message: /^redact must be .* not "a\.\.b"$/,
  });
});
