import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { Registry as RegistryType, Span as SpanType } from '../src/index.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';

type Package = typeof import('../src/index.ts');

/** The built package, loaded from two folders, as by a program and one of its dependencies. */
async function twoCopies(t: ExecutionContext): Promise<[Package, Package]> {
  const folder = folderOf(t);
  symlinkSync(new URL('node_modules', ROOT), join(folder, 'node_modules'));
  const copies = ['one', 'two'].map(async (name) => {
    for (const part of ['package.json', 'dist']) {
      cpSync(new URL(part, ROOT), join(folder, name, part), { recursive: true });
    }
    return (await import(pathToFileURL(join(folder, name, 'dist/index.cjs')).href)) as Package;
  });
  return Promise.all(copies) as Promise<[Package, Package]>;
}

/** A registry of one copy that keeps what it hears. */
function recording(copy: Package): { registry: RegistryType; spans: SpanType[]; heard: string[] } {
  const spans: SpanType[] = [];
  const heard: string[] = [];
  const registry = new copy.Registry({ onProblem: (problem) => heard.push(problem.message) }).with({
    onNewSpan: (span) => void (spans.push(span), heard.push(`${span.name} < ${span.parent?.name}`)),
    onClose: (span) => void heard.push(`${span.name} closed${span.thrown === undefined ? '' : ' thrown'}`),
    onFollowsFrom: (span, from) => void heard.push(`${span.name} follows ${from.name}`),
    onRecord: (span, fields) => void heard.push(`${span.name} records ${fields.names.join(' ')}`),
    onEvent: ({ message, target, fields, parent }) =>
      void heard.push(`${target}: ${message} ${JSON.stringify(fields.toObject())} in ${parent?.name}`),
  });
  return { registry, spans, heard };
}

test.serial(
  'two copies share the global default, the current span and the target of the free functions',
  async (t) => {
    const [one, two] = await twoCopies(t);
    t.not(one.Registry, two.Registry);
    const { registry, heard } = recording(one);
    one.setGlobalDefault(registry);
    t.throws(() => two.setGlobalDefault(new two.Registry()), { code: 'ERR_KVP_SUBSCRIBER_SET' });
    const log = { one: one.target('app'), two: two.target('library', { own: 1 }) };
    await log.one.inSpan('request', async (request) => {
      t.is(two.Span.current(), request);
      t.true(two.target('library').enabled('trace'));
      await log.two.inSpan('query', { fields: { sql: 'x' } }, async (query) => {
        await sleep(1);
        t.is(one.Span.current(), query);
        log.one.info({ a: 1 }, 'hi');
        two.info('free');
        query.record({ rows: 2 }).followsFrom(request);
      });
      two.Span.current().warn({ b: 2 }, 'to a span');
      t.deepEqual(
        [
          ...two.instrument(
            one.instrument(function* count() {
              yield one.Span.current().name;
            }),
          )(),
        ],
        ['count'],
      );
      await t.throwsAsync(
        log.two.instrument(async function fails() {
          throw new Error('boom');
        }),
      );
      t.is(log.two.span('adopted', { parent: request }).parent, request);
    });
    await registry.shutdown();
    two.info('nobody hears');
    t.deepEqual(heard, [
      'request < undefined',
      'query < request',
      'app: hi {"a":1} in query',
      'app: free {} in query',
      'query records rows',
      'query follows request',
      'query closed',
      'app: to a span {"b":2} in request',
      'count < request',
      'count < count',
      'count closed',
      'count closed',
      'fails < request',
      'fails closed thrown',
      'adopted < request',
      'request closed',
    ]);
    const second = recording(two);
    two.setGlobalDefault(second.registry);
    t.teardown(() => second.registry.shutdown());
    one.info('heard by the other copy');
    t.deepEqual(second.heard, ['app: heard by the other copy {} in undefined']);
  },
);

test.serial('withDefault of one copy holds for the other', async (t) => {
  const [one, two] = await twoCopies(t);
  const { registry, heard } = recording(two);
  two.withDefault(registry, () => one.target('app').inSpan('work', () => two.target('library').info('hi')));
  t.deepEqual(heard, ['work < undefined', 'library: hi {} in work', 'work closed']);
});
