import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import { replay, type ReplayedBatch } from '../src/opentelemetry/index.ts';
import { finished, happened, replayed, started } from './helpers/replayed.ts';

const POOL = Array.from({ length: 600 }, (_, index) => finished(`step${index}`, 1, 0.5));

test('attributes of the resource are those of all spans, and take precedence over what the pool tells', async (t) => {
  const resource = { 'cloud.region': 'westeurope', 'service.name': 'fleet', zones: [1, 2] };
  const { exported } = await replayed(POOL.slice(0, 3), { resource });
  t.is(exported.length, 3);
  for (const { resource: own } of exported) {
    t.like(own.attributes, { ...resource, 'service.version': '1' });
    t.truthy(own.attributes['host.id']);
  }
  t.is(new Set(exported.map(({ resource: own }) => own)).size, 1);
});

test('a resource that is none is refused', async (t) => {
  for (const resource of [
    null,
    'a=b',
    ['a'],
    { a: {} },
    { a: [1, 'b'] },
    { a: undefined },
    new Map([['a', 'b']]),
  ]) {
    const options = { resource: resource as never };
    await t.throwsAsync(replayed(POOL, options), {
      code: 'ERR_KVP_INVALID_OPTION',
      message: /resource must be/,
    });
  }
  await t.throwsAsync(replayed(POOL, { onBatch: 'log' as never }), { message: /onBatch must be a function/ });
});

test('who is told of each batch can go on where a replay ended', async (t) => {
  const exporter = new InMemorySpanExporter();
  const batches: ReplayedBatch[] = [];
  const end = new Error('enough');
  const onBatch = async (batch: ReplayedBatch) => {
    // It is waited for.
    await new Promise(setImmediate);
    batches.push(batch);
    throw end;
  };
  const pool = [...POOL, started('work', 1), happened('hi', 2, { span: 'work' }), finished('work', 3, 2)];
  t.is(await t.throwsAsync(replay(pool, exporter, { onBatch })), end);
  t.is(exporter.getFinishedSpans().length, 512);
  t.is(batches[0]?.spans, 512);
  const since = { forwarded: batches.flatMap(({ forwarded }) => forwarded) };
  const rest: number[] = [];
  const { spans, next } = await replay(pool, exporter, { since, onBatch: (batch) => rest.push(batch.spans) });
  t.is(spans, 89);
  t.deepEqual(rest, [89]);
  t.is(next.forwarded.length, 601);
  t.is(new Set(exporter.getFinishedSpans().map((span) => span.spanContext().spanId)).size, 601);
});
