/** What one INFO event with two fields inside a span costs the thread that emits it. */
import { appendFileSync, closeSync, openSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { EmitKVPLayer, Registry, target, withDefault } from 'kvp-tracing';
import pino from 'pino';
import { interleaved, type Subject } from './measure.ts';

const COUNT = 1000;
const ROUNDS = 200;

export async function eventCosts(folder: string): Promise<Map<string, number>> {
  const closing: (() => unknown)[] = [];

  const path = join(folder, 'event.pool');
  // It would say that records are gone: the pool is cut between rounds.
  const layer = new EmitKVPLayer({ path, vmId: 'vm', maxRecords: 2 ** 31, onProblem: () => {} });
  const registry = new Registry().with(layer);
  const log = target('my_agent::user');
  const span = withDefault(registry, () => log.span('provision_user', { fields: { user_id: 42 } }));
  closing.push(() => registry.shutdown());
  const inSpan = (emit: () => void) => withDefault(registry, () => span.inScope(emit));
  const ours: Subject = {
    name: 'kvp-tracing',
    run: (count) =>
      inSpan(() => {
        for (let i = 0; i < count; i++) log.info({ user: 'alice', key_count: i }, 'Configuring SSH keys');
      }),
    rest: async () => {
      await layer.flush();
      truncateSync(path);
    },
  };
  // The fallback frames and writes in the same thread: its events cost that too.
  const written: Subject = {
    name: 'kvp-tracing, written',
    run: async (count) => {
      ours.run(count);
      await layer.flush();
    },
    rest: () => truncateSync(path),
  };

  const child = pino({}, pino.destination({ dest: '/dev/null', sync: true })).child({
    span: 'provision_user',
    user_id: 42,
  });
  const withPino: Subject = {
    name: 'pino',
    run: (count) => {
      for (let i = 0; i < count; i++) child.info({ user: 'alice', key_count: i }, 'Configuring SSH keys');
    },
  };

  const nothing = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} };
  const tracer = new BasicTracerProvider({ spanProcessors: [nothing] }).getTracer('benchmark');
  const fresh = () => Array.from({ length: COUNT / 100 }, () => tracer.startSpan('provision_user'));
  let spans = fresh();
  const withOpenTelemetry: Subject = {
    name: 'OpenTelemetry',
    run: (count) => {
      // A span takes 128 events at most.
      for (let i = 0; i < count; i++) {
        spans[Math.floor(i / 100)]?.addEvent('Configuring SSH keys', { user: 'alice', key_count: i });
      }
    },
    rest: () => (spans = fresh()),
  };

  const record = Buffer.alloc(2560, 'x');
  const plain = join(folder, 'plain.pool');
  const appending: Subject = {
    name: 'appendFileSync',
    run: (count) => {
      for (let i = 0; i < count / 10; i++) appendFileSync(plain, record);
    },
    rest: () => truncateSync(plain),
  };
  const fd = openSync(join(folder, 'write.pool'), 'a');
  closing.push(() => closeSync(fd));
  const writing: Subject = {
    name: 'writeSync',
    run: (count) => {
      for (let i = 0; i < count / 10; i++) writeSync(fd, record);
    },
    rest: () => truncateSync(join(folder, 'write.pool')),
  };

  const costs = await interleaved(
    [ours, written, withPino, withOpenTelemetry, appending, writing],
    ROUNDS,
    COUNT,
  );
  for (const name of ['appendFileSync', 'writeSync']) costs.set(name, (costs.get(name) ?? 0) * 10);
  for (const close of closing) await close();
  return costs;
}
