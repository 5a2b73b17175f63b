import assert from 'node:assert/strict';
import test from 'node:test';
import { MemoryLayer, Registry, withDefault } from 'kvp-tracing';
import { createUser } from './user.mjs';

test('creating a user is a span with an event in it', async () => {
  const memory = new MemoryLayer();
  await withDefault(new Registry().with(memory), () => createUser({ name: 'alice', keys: ['a', 'b'] }));

  assert.deepEqual(memory.take(), {
    spans: [
      {
        name: 'create_user',
        target: 'my_agent::user',
        level: 'INFO',
        fields: { name: 'alice' },
        result: 'success',
        events: [
          { level: 'INFO', target: 'my_agent::user', message: 'keys written', fields: { key_count: 2 } },
        ],
        children: [],
      },
    ],
    events: [],
  });
});

test('a name that is not valid fails the span, and the span says why', async () => {
  const memory = new MemoryLayer();
  await withDefault(new Registry().with(memory), () =>
    assert.rejects(createUser({ name: 'Alice!', keys: [] })),
  );

  const [span] = memory.take().spans;
  assert.equal(span.result, 'fail');
  assert.equal(span.reason, 'not a valid name');
});
