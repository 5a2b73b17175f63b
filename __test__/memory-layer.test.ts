import test from 'ava';
import { MemoryLayer, type MemorySpan } from '../src/layers/memory-layer.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';

const log = target('agent');

/** What a memory layer kept of `fn`. */
function kept(fn: (memory: MemoryLayer) => void) {
  const memory = new MemoryLayer();
  withDefault(new Registry().with(memory), () => fn(memory));
  return memory.take();
}

test('spans and events compare as plain values, Errors as themselves', (t) => {
  const error = new TypeError('no key');
  const { spans, events } = kept(() => {
    log.info('outside');
    log.inSpan('provision', { fields: { user: 'alice' } }, (span) => {
      log.warn({ error, index: 1 }, 'left out');
      log.inSpan('write', { level: 'debug' }, () => {});
      span.record({ keys: 2 });
    });
  });
  t.deepEqual(events, [{ level: 'INFO', target: 'agent', message: 'outside', fields: {} }] as never);
  t.deepEqual(spans, [
    {
      name: 'provision',
      target: 'agent',
      level: 'INFO',
      fields: { user: 'alice', keys: 2 },
      result: 'success',
      events: [{ level: 'WARN', target: 'agent', message: 'left out', fields: { error, index: 1 } }],
      children: [
        {
          name: 'write',
          target: 'agent',
          level: 'DEBUG',
          fields: {},
          result: 'success',
          events: [],
          children: [],
        },
      ],
    },
  ] as never);
  t.is(spans[0]?.events[0]?.fields['error'], error);
});

test('ids and times are there but not enumerable, so that snapshots stay the same', (t) => {
  let id: string | undefined;
  const before = Date.now();
  const { spans, events } = kept(() => {
    log.inSpan('one', (span) => void (id = span.id));
    log.info('x');
  });
  const [span] = spans;
  t.is(span?.id, id);
  t.true(span !== undefined && span.start.getTime() >= before && span.end instanceof Date);
  t.true(events[0]?.time instanceof Date);
  t.notRegex(JSON.stringify({ spans, events }), /"(id|traceId|start|end|time)"/);
});

test('a span fails by what is thrown out of it, an ERROR event or its verdict, as in the pool', (t) => {
  const { spans } = kept(() => {
    t.throws(() => log.inSpan('thrown', raise));
    log.inSpan('error', () => log.error('x'));
    log.inSpan('forgiven', (span) => {
      log.error('x');
      span.succeed();
    });
    log.inSpan('judged', (span) => void span.fail());
    log.span('open');
  });
  t.deepEqual(
    spans.map(({ name, result }) => [name, result]),
    [
      ['thrown', 'fail'],
      ['error', 'fail'],
      ['forgiven', 'success'],
      ['judged', 'fail'],
      ['open', undefined],
    ],
  );
});

function raise(): never {
  throw new Error('raised');
}

test('take forgets; what comes later of a span that was taken stands for itself', (t) => {
  const { spans, events } = kept((memory) => {
    const span = log.span('long');
    t.is(memory.take().spans[0]?.name, 'long');
    span.inScope(() => {
      log.info('later');
      log.inSpan('child', () => {});
    });
    span.close();
  });
  t.deepEqual(
    spans.map(({ name }) => name),
    ['child'],
  );
  t.deepEqual(
    events.map(({ message }) => message),
    ['later'],
  );
});

test('an error after a span was taken still fails it', (t) => {
  let taken: MemorySpan | undefined;
  kept((memory) => {
    const span = log.span('s');
    taken = memory.take().spans[0];
    span.error('bad');
    span.close();
  });
  t.is(taken?.result, 'fail');
});

test('fields named like members of objects are fields like others', (t) => {
  const fields = JSON.parse('{"__proto__":1,"constructor":2}') as object;
  const { events } = kept(() => log.info(fields, 'x'));
  t.deepEqual(Object.entries(events[0]?.fields ?? {}), [
    ['__proto__', 1],
    ['constructor', 2],
  ]);
});

test('a filter hides spans, whose children then stand under the nearest that is seen', (t) => {
  const memory = new MemoryLayer({ filter: 'info' });
  withDefault(new Registry().with(memory), () => {
    log.inSpan('seen', () =>
      log.inSpan('hidden', { level: 'debug' }, () => log.inSpan('inner', () => log.debug('x'))),
    );
  });
  const { spans } = memory.take();
  t.deepEqual(
    [spans[0]?.name, spans[0]?.children[0]?.name, spans[0]?.children[0]?.events],
    ['seen', 'inner', []],
  );
});
