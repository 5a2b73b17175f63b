import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { summarize } from '../src/diagnostics/summary/summary.ts';
import { chooseBackend } from '../src/pool/binding.ts';
import { readPool } from '../src/pool/read-pool.ts';
import { EmitKVPLayer, type EmitKVPLayerOptions } from '../src/layers/emit-kvp-layer.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import type { Outcome } from '../src/tracing/layer.ts';
import { Registry } from '../src/tracing/registry.ts';
import { type Target, target } from '../src/tracing/target.ts';
import { flockMissing, holdLock } from './helpers/lock-holder.ts';
import { bootUnknown } from './helpers/namespaces.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';

const COMPLETE: Outcome = { complete: true, dropped: 0, problems: [] };

/** What the pool says after a program ran with one layer. */
async function told(
  t: ExecutionContext,
  program: (log: Target) => unknown,
  options: EmitKVPLayerOptions = {},
): Promise<Diagnostic[]> {
  const path = options.path ?? poolOf(t);
  const registry = new Registry().with(new EmitKVPLayer({ vmId: 'vm', ...options, path }));
  await withDefault(registry, () => program(target('my_agent::user')));
  t.deepEqual(await registry.shutdown(), COMPLETE);
  const { diagnostics, problems, unknown } = readDiagnosticsSync(path);
  t.deepEqual([problems, unknown], [[], []]);
  return diagnostics;
}

const kinds = (diagnostics: Diagnostic[]) => diagnostics.map(({ kind, name }) => `${kind} ${name}`);

test('a span has a start with its parent and a finish with result, duration and times; events name their span', async (t) => {
  const [outer, event, inner, innerEnd, outerEnd] = await told(t, (log) =>
    log.inSpan('outer', { fields: { user_id: 42 } }, async (span) => {
      log.info({ key_count: 3 }, 'Configuring SSH keys');
      await log.inSpan('inner', () => new Promise((resolve) => setTimeout(resolve, 20)));
      span.record({ later: true });
    }),
  );
  t.like(outer, {
    kind: 'start',
    name: 'outer',
    target: 'my_agent::user',
    level: 'INFO',
    agent: 'kvp-tracing/0.1.0',
  });
  t.deepEqual({ ...outer?.fields }, { user_id: 42 });
  t.false('parent' in (outer ?? {}));
  t.like(event, { kind: 'event', name: 'outer', message: 'Configuring SSH keys', span: outer?.id });
  t.deepEqual({ ...event?.fields }, { key_count: 3 });
  t.like(inner, { kind: 'start', name: 'inner', parent: outer?.id });
  t.like(innerEnd, { kind: 'finish', result: 'success', id: inner?.id });
  t.true((innerEnd?.duration ?? 0) >= 0.019);
  t.deepEqual({ ...outerEnd?.fields }, { user_id: 42, later: true });
  const { entered, busy, idle } = JSON.parse(outerEnd?.text ?? '') as Record<string, number>;
  t.is(entered, 1);
  t.true(Math.abs((busy ?? 0) + (idle ?? 0) - (outerEnd?.duration ?? 0)) < 1e-4);
});

test('all four moments of a span can have records', async (t) => {
  const spanEvents = ['new', 'enter', 'exit', 'close'] as const;
  const diagnostics = await told(t, (log) => log.inSpan('s', () => {}), { spanEvents });
  t.deepEqual(
    diagnostics.map(({ kind, name, message }) => [kind, name, message]),
    [
      ['start', 's', undefined],
      ['event', 's', 'enter'],
      ['event', 's', 'exit'],
      ['finish', 's', undefined],
    ],
  );
  t.is(diagnostics[1]?.span, diagnostics[0]?.id);
});

test('the result of a finish: thrown, then said, then an ERROR event of the span itself', async (t) => {
  const failing = (log: Target) => log.error('boo');
  const diagnostics = await told(t, async (log) => {
    log.inSpan('quiet', () => log.info('fine'));
    log.inSpan('has_error', () => failing(log));
    log.inSpan('child_has_error', () => log.inSpan('child', () => failing(log)));
    log.inSpan('said_success', (span) => {
      failing(log);
      span.succeed();
    });
    log.inSpan('said_fail', (span) => void span.fail('why'));
    log.inSpan('recorded_fail', (span) => void span.record({ 'diagnostic.result': 'fail' }));
    log.inSpan('said_last', (span) => void span.record({ 'diagnostic.result': 'fail' }).succeed());
    await t.throwsAsync(
      log.inSpan('thrown', { fields: { 'diagnostic.result': 'success' } }, async () => {
        throw new Error('thrown');
      }),
    );
  });
  const results = diagnostics
    .filter(({ kind }) => kind === 'finish')
    .map(({ name, result }) => [name, result]);
  t.deepEqual(Object.fromEntries(results), {
    quiet: 'success',
    has_error: 'fail',
    child: 'fail',
    child_has_error: 'success',
    said_success: 'success',
    said_fail: 'fail',
    recorded_fail: 'fail',
    said_last: 'success',
    thrown: 'fail',
  });
});

test('an event outside of any span has its target for a name, one in a closed span keeps that span', async (t) => {
  const [outside, start, finish, late] = await told(t, async (log) => {
    log.warn('outside');
    const span = log.span('closed');
    const wait = span.inScope(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      log.warn('late');
    });
    span.close();
    await wait;
  });
  t.like(outside, { kind: 'event', name: 'my_agent::user', message: 'outside' });
  t.like(late, { name: 'closed', span: start?.id, message: 'late' });
  t.is(finish?.kind, 'finish');
});

test('only what passes the filter is written, and hidden spans vanish from between', async (t) => {
  const diagnostics = await told(
    t,
    (log) =>
      log.inSpan('seen', () =>
        log.inSpan('hidden', { level: 'debug' }, () => {
          log.info('event');
          log.debug('hidden');
          log.inSpan('below', () => {});
        }),
      ),
    { filter: 'INFO' },
  );
  t.deepEqual(kinds(diagnostics), ['start seen', 'event seen', 'start below', 'finish below', 'finish seen']);
  t.is(diagnostics[2]?.parent, diagnostics[0]?.id);
});

test('what a flush resolved for is in the file, and stats add up', async (t) => {
  const path = poolOf(t);
  const layer = new EmitKVPLayer({ path, vmId: 'vm' });
  const registry = new Registry().with(layer);
  for (let round = 1; round <= 5; round++) {
    withDefault(registry, () => target('t').info('x'));
    t.deepEqual(await layer.flush(), COMPLETE);
    t.is(readPool(path).length, round);
  }
  t.like(layer.stats(), {
    backend: chooseBackend(),
    accepted: 5,
    written: 5,
    records: 5,
    queuedBytes: 0,
    dropped: {},
  });
  const [first, second] = await Promise.all([layer.shutdown(), layer.shutdown()]);
  t.is(first, second);
  t.is(statSync(path).mode & 0o777, 0o600);
});

test('what the budget has no room for is counted, said once, and the last record', async (t) => {
  const path = poolOf(t);
  const problems: Error[] = [];
  const layer = new EmitKVPLayer({
    path,
    vmId: 'vm',
    maxRecords: 20,
    onProblem: (problem) => problems.push(problem),
  });
  const registry = new Registry().with(layer);
  withDefault(registry, () => {
    for (let i = 0; i < 50; i++) target('t').info('x');
    target('t').error('last words');
  });
  const outcome = await registry.shutdown();
  t.is(outcome.dropped, 32);
  t.deepEqual(layer.stats().dropped, { budget: { INFO: 32 } });
  t.deepEqual(problems.map(String), ['DroppedError: the pool misses 32 records: 32 INFO (budget)']);
  const content = readDiagnosticsSync(path);
  const { diagnostics } = content;
  t.is(diagnostics.length, 20);
  t.is(diagnostics[18]?.message, 'last words');
  t.like(summarize(content).dropped, [{ message: '32 records dropped', fields: { budget: { INFO: 32 } } }]);
  t.like(diagnostics[19], { name: 'telemetry:dropped', level: 'WARN', message: '32 records dropped' });
  t.deepEqual(diagnostics[19]?.fields['budget'], { INFO: 32 });
});

test('a path that can be no pool is refused at once, with a code', (t) => {
  const folder = folderOf(t);
  const at = (name: string) => join(folder, name);
  mkdirSync(at('folder'));
  execFileSync('mkfifo', [at('fifo')]);
  writeFileSync(at('file'), '');
  symlinkSync(at('file'), at('link'));
  const refused = (path: string) => t.throws(() => new EmitKVPLayer({ path, vmId: 'vm' }));
  for (const [name, found] of [
    ['folder', 'a directory'],
    ['fifo', 'a FIFO'],
    ['link', 'a symbolic link'],
  ] as const) {
    t.like(refused(at(name)), {
      name: 'NotAPoolFileError',
      code: 'ERR_KVP_NOT_A_POOL_FILE',
      message: `${at(name)} is ${found}; a pool is a regular file. Give the path of one`,
      path: at(name),
    });
  }
  t.like(refused(join(at('file'), 'below')), {
    name: 'IoError',
    code: 'ERR_KVP_IO',
    syscall: 'open',
    message: `cannot open ${join(at('file'), 'below')}: not a directory (ENOTDIR)`,
  });
});

test('wrong options are named with what was given', (t) => {
  const refused = (options: object) =>
    t.throws(() => new EmitKVPLayer({ path: poolOf(t), vmId: 'vm', ...options }));
  t.is(refused({ maxRecords: 0 })?.message, 'maxRecords must be a whole number from 1 to 2147483648, not 0');
  t.is(
    refused({ queueBytes: '1' })?.message,
    'queueBytes must be a whole number from 4096 to 2147483648, not "1"',
  );
  t.regex(
    refused({ spanEvents: ['open'] })?.message ?? '',
    /^spanEvents must be made of new, .*, not "open"$/,
  );
  t.is(refused({ spanEvents: 'new' })?.message, 'spanEvents must be a list, not "new"');
  t.regex(refused({ filter: 'loud' })?.message ?? '', /^filter must be .*, not "loud"$/);
  t.regex(refused({ path: '' })?.message ?? '', /^path must be/);
  t.is(refused({ vmId: 'v'.repeat(37) })?.message, 'vm_id length (37) exceeds maximum (36)');
});

test('a folder that appears later is waited for', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'hyperv', '.kvp_pool_1');
  const layer = new EmitKVPLayer({ path, vmId: 'vm' });
  const registry = new Registry().with(layer);
  withDefault(registry, () => target('t').info('early'));
  t.false((await layer.flush({ timeout: 20 })).complete);
  mkdirSync(join(folder, 'hyperv'));
  t.true((await registry.shutdown()).complete);
  t.is(readDiagnosticsSync(path).diagnostics[0]?.message, 'early');
});

test('a torn tail is repaired before anything is appended', async (t) => {
  const path = poolOf(t);
  await told(t, (log) => log.info('whole'), { path });
  const whole = readFileSync(path);
  writeFileSync(path, Buffer.concat([whole, whole.subarray(0, 1024)]));
  const messages = (await told(t, (log) => log.info('after'), { path })).map(({ message }) => message);
  t.deepEqual(messages, ['whole', 'after']);
  t.is(statSync(path).size, 2 * 2560);
});

test('a pool of an earlier boot is emptied only on request', async (t) => {
  if (!has(t, bootUnknown)) return;
  const path = poolOf(t);
  await told(t, (log) => log.info('old'), { path });
  execFileSync('touch', ['-d', '2020-01-01', path]);
  t.is((await told(t, (log) => log.info('kept'), { path })).length, 2);
  execFileSync('touch', ['-d', '2020-01-01', path]);
  const fresh = await told(t, (log) => log.info('new'), { path, clearStale: true });
  t.deepEqual(
    fresh.map(({ message }) => message),
    ['new'],
  );
});

test('whoever hears of problems may throw, and nobody else notices', async (t) => {
  const onProblem = () => {
    throw new Error('not my problem');
  };
  const layer = new EmitKVPLayer({ path: poolOf(t), onProblem, maxRecords: 10 });
  const registry = new Registry().with(layer);
  withDefault(registry, () => {
    for (let i = 0; i < 50; i++) target('t').info('x');
  });
  await t.notThrowsAsync(layer.flush());
  await t.notThrowsAsync(registry.shutdown());
});

test('a deadline may be as far away as one likes', async (t) => {
  const registry = new Registry().with(new EmitKVPLayer({ path: poolOf(t), vmId: 'vm' }));
  withDefault(registry, () => target('t').info('x'));
  t.deepEqual(await registry.flush({ timeout: Infinity }), COMPLETE);
  t.deepEqual(await registry.shutdown({ timeout: 1e12 }), COMPLETE);
});

test('after a shutdown that was too short a flush does not wait, and what comes is counted', async (t) => {
  const layer = new EmitKVPLayer({
    path: join(folderOf(t), 'missing', 'pool'),
    vmId: 'vm',
    onProblem: () => {},
  });
  const registry = new Registry().with(layer);
  withDefault(registry, () => target('t').info('x'));
  t.false((await layer.shutdown({ timeout: 10 })).complete);
  withDefault(registry, () => target('t').info('y'));
  t.true((await layer.flush()).complete);
  t.like(layer.stats(), { accepted: 2, written: 0, dropped: { io: { INFO: 1 }, closed: { INFO: 1 } } });
});

test('an event takes about its text and 100 to 200 bytes of the queue', async (t) => {
  if (!has(t, flockMissing)) return;
  const path = poolOf(t);
  writeFileSync(path, '');
  const release = await holdLock(t, 'flock', path);
  const layer = new EmitKVPLayer({ path, vmId: 'vm', queueBytes: 65_536, onProblem: () => {} });
  withDefault(new Registry().with(layer), () => {
    const log = target('t');
    for (let i = 0; i < 180; i++) log.info('x');
    t.deepEqual(layer.stats().dropped, {});
    for (let i = 0; i < 500; i++) log.info('x');
  });
  t.true((layer.stats().dropped.queue?.INFO ?? 0) > 0);
  await release();
  await layer.shutdown();
});

test('while a flush waits for a lock the program goes on', async (t) => {
  if (!has(t, flockMissing)) return;
  // The fallback has no other thread that waits.
  if (chooseBackend() !== 'native') return t.pass();
  const path = poolOf(t);
  writeFileSync(path, '');
  const release = await holdLock(t, 'flock', path);
  const layer = new EmitKVPLayer({ path, vmId: 'vm', onProblem: () => {} });
  withDefault(new Registry().with(layer), () => target('t').info('x'));
  let isOver = false;
  const flushed = layer.flush({ timeout: 20_000 }).finally(() => (isOver = true));
  for (let turn = 0; turn < 3; turn++) await sleep(5);
  t.false(isOver);
  await release();
  t.true((await flushed).complete);
  await layer.shutdown();
});

test('after a shutdown no descriptor of the pool is open', async (t) => {
  const path = poolOf(t);
  const open = (): string[] =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false;
      }
    });
  const layer = new EmitKVPLayer({ path, vmId: 'vm' });
  withDefault(new Registry().with(layer), () => target('t').info('an event'));
  await layer.flush();
  t.is(open().length, 1);
  await layer.shutdown();
  // The native writer's thread closes it.
  for (let tries = 0; tries < 100 && open().length > 0; tries++) await sleep(10);
  t.deepEqual(open(), []);
});
