import assert from 'node:assert/strict';
import test from 'node:test';
import { initializeTracing, MemoryLayer } from 'kvp-tracing';
import { createUser } from './user.mjs';

test('the program traces one user', async () => {
  const memory = new MemoryLayer();
  const tracing = await initializeTracing({
    kvp: false,
    stderr: false,
    opentelemetry: false,
    layers: [memory],
  });
  try {
    await createUser({ name: 'bob', keys: [] });
  } finally {
    await tracing.shutdown();
  }
  const [{ name, result }] = memory.take().spans;
  assert.deepEqual([name, result], ['create_user', 'success']);
});
