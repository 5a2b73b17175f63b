import { existsSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import zlib from 'node:zlib';
import { timeline } from '../src/diagnostics/timeline/timeline.ts';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { diagnostics, type DiagnosticsOptions } from '../src/diagnostics/write/diagnostics-writer.ts';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import {
  ClosedError,
  FieldError,
  IoError,
  OptionError,
  PoolFullError,
  ReadOnlyError,
  TooLargeError,
} from '../src/errors.ts';
import { openPool } from '../src/pool/open-pool.ts';
import { readPool } from '../src/pool/read-pool.ts';
import { folderOf, poolOf } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';

const VM = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const ENCODINGS = ['none', 'zlib+b64', 'gz+b64', 'auto'] as const;

/** A writer into a pool of its own, which its path comes with. */
function writerOf(t: ExecutionContext, options: DiagnosticsOptions = {}) {
  const path = poolOf(t);
  const writer = diagnostics(path, { agent: 'tester/1', vmId: VM, ...options });
  t.teardown(() => writer.close());
  return { path, writer };
}

function read(t: ExecutionContext, path: string): Diagnostic[] {
  const { diagnostics: found, ...rest } = readDiagnosticsSync(path);
  t.deepEqual(rest, { reports: [], unknown: [], problems: [] });
  return found;
}

/** The encodings in the keys of a pool's records. */
const encodingsIn = (path: string) => readPool(path).map(({ key }) => key.split('|')[7]);

/** A text that nothing compresses well, of so many letters. */
function noise(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return String.fromCharCode(33 + ((state >>> 16) % 90));
  }).join('');
}

test('an operation has a start and a finish that share an id, an observation is an event', async (t) => {
  const { path, writer } = writerOf(t);
  const started = await writer.start('format_disk', { device: '/dev/sdb', message: 'formatting' });
  const id = await writer.event('format_disk', 'two partitions', { result: 'success', duration: 0.25 });
  await writer.finish(started, 'fail', { code: 7 });
  const [begin, event, end, ...others] = read(t, path);
  t.deepEqual(others, []);
  t.like(begin, { kind: 'start', agent: 'tester/1', vmId: VM, name: 'format_disk', message: 'formatting' });
  t.deepEqual({ id: begin?.id, time: begin?.time, name: begin?.name }, { ...started });
  t.deepEqual({ ...begin?.fields }, { device: '/dev/sdb' });
  t.is(begin?.text, '{"fields":{"device":"/dev/sdb","message":"formatting"}}');
  t.like(event, { kind: 'event', id, message: 'two partitions', result: 'success', duration: 0.25 });
  t.not(event?.id, started.id);
  t.like(end, { kind: 'finish', id: started.id, name: 'format_disk', result: 'fail' });
  t.deepEqual({ ...end?.fields }, { code: 7 });
  t.true((end?.duration ?? -1) >= 0);
  t.regex(readPool(path)[2]?.key ?? '', /\|none\|fail\|\d+\.\d{6}\|0$/);
});

test('a finish takes as long as the monotonic clock says, not as the times do', async (t) => {
  const { path, writer } = writerOf(t);
  const started = await writer.start('work');
  started.time.setTime(0);
  const until = performance.now() + 20;
  while (performance.now() < until);
  await writer.finish(started, 'success');
  const { duration = 0 } = read(t, path)[1] ?? {};
  t.true(duration >= 0.02 && duration < 60, `${duration}`);
});

test('what another process began is finished with its name, id and duration', async (t) => {
  const { path, writer } = writerOf(t);
  const copy = JSON.parse(JSON.stringify(await writer.start('work'))) as { name: string; id: string };
  await t.throwsAsync(writer.finish(copy, 'success'), {
    instanceOf: OptionError,
    message: 'duration must be given for what was not begun in this process, not undefined',
  });
  await writer.finish(copy, 'success', '', { duration: 1.5 });
  const [begin, end] = read(t, path);
  t.like(end, { kind: 'finish', id: begin?.id, name: 'work', result: 'success', duration: 1.5 });
});

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(fc.integer({ max: 0xffff, min: 0 })).map((units) => String.fromCharCode(...units)),
  fc
    .tuple(fc.string({ unit: 'grapheme', minLength: 1 }), fc.integer({ min: 100, max: 2000 }))
    .map(([text, times]) => text.repeat(times)),
  fc.uint8Array({ minLength: 700, maxLength: 7000 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);

test('any text in any encoding is read again, whatever the order of the records', async (t) => {
  const path = poolOf(t);
  const weights = fc.array(fc.nat(), { minLength: 50, maxLength: 50 });
  await fc.assert(
    fc.asyncProperty(anyText, fc.constantFrom(...ENCODINGS), weights, async (text, encoding, order) => {
      rmSync(path, { force: true });
      using writer = diagnostics(path, { agent: 'a', vmId: VM });
      if (encoding === 'none' && text.includes('\0')) {
        await t.throwsAsync(writer.event('text', text, { encoding }), { instanceOf: FieldError });
        t.false(existsSync(path));
        return;
      }
      const id = await writer.event('text', text, { encoding });
      await writer.event('other', 'x'.repeat(3000), { encoding: 'none' });
      const records = readPool(path, { raw: true });
      t.true(records.every(({ value }) => Buffer.byteLength(value) <= 1022 && value.isWellFormed()));
      const shuffled = records
        .map((record, index) => ({ record, weight: order[index % 50] as number }))
        .sort((one, other) => one.weight - other.weight)
        .map(({ record }) => record);
      const { diagnostics: found, problems } = readDiagnosticsSync(shuffled);
      t.deepEqual(problems, []);
      t.is(found.length, 2);
      t.is(found.find((diagnostic) => diagnostic.id === id)?.text, text.toWellFormed());
    }),
    { numRuns: 150 },
  );
});

test('a text that starts like JSON and fills its last record is whole', async (t) => {
  const path = poolOf(t);
  using writer = diagnostics(path, { agent: 'a', vmId: VM, encoding: 'none' });
  const texts = [1018, 1019, 1020, 1021, 1022, 2044].flatMap((length) => [
    JSON.stringify({ a: 'x'.repeat(length - 8) }),
    JSON.stringify({ level: 'x'.repeat(length - 12) }),
    `{"${'x'.repeat(length - 2)}`,
  ]);
  for (const text of texts) await writer.event('text', text);
  const { diagnostics: found, problems } = readDiagnosticsSync(path);
  t.deepEqual(problems, []);
  t.deepEqual(
    found.map(({ message }) => message),
    texts,
  );
});

test("'auto' compresses where that saves a record, and what has a NUL", async (t) => {
  const cases = {
    [noise(1022)]: ['none', 1],
    ['é'.repeat(511)]: ['none', 1],
    ['é'.repeat(512)]: ['zlib+b64', 1],
    [noise(1500)]: ['none', 2],
    ['log line\n'.repeat(5000)]: ['zlib+b64', 1],
    'a\0b': ['zlib+b64', 1],
    '': ['none', 1],
  } as const;
  for (const [text, [encoding, records]] of Object.entries(cases)) {
    const { path, writer } = writerOf(t);
    await writer.event('text', text);
    t.deepEqual(encodingsIn(path), Array(records).fill(encoding), text.slice(0, 20));
    t.is(read(t, path)[0]?.text, text);
  }
});

test('an encoding is that of the call, else of the writer', async (t) => {
  const { path, writer } = writerOf(t, { encoding: 'gz+b64' });
  const started = await writer.start('s', 'x', { encoding: 'zlib+b64' });
  await writer.finish(started, 'success', 'x', { encoding: 'none' });
  await writer.event('s', 'x');
  t.deepEqual(encodingsIn(path), ['zlib+b64', 'none', 'gz+b64']);
});

test.serial('more than 4 kB are compressed in another thread', async (t) => {
  const { deflateSync, deflate } = zlib;
  const sizes: Record<string, number[]> = { here: [], elsewhere: [] };
  t.teardown(() => {
    Object.assign(zlib, { deflateSync, deflate });
    syncBuiltinESMExports();
  });
  zlib.deflateSync = ((bytes: Buffer, options: zlib.ZlibOptions) => {
    sizes['here']?.push(bytes.length);
    return deflateSync(bytes, options);
  }) as typeof deflateSync;
  syncBuiltinESMExports();
  const { path, writer } = writerOf(t);
  for (const size of [4096, 4097, 400_000]) await writer.event('big', 'x'.repeat(size));
  t.deepEqual(sizes['here'], [4096]);
  t.deepEqual(
    read(t, path).map(({ text }) => text.length),
    [4096, 4097, 400_000],
  );
});

test('calls keep their order though some take longer and some are refused', async (t) => {
  const { path, writer } = writerOf(t);
  const big = noise(200_000);
  const calls = [
    writer.event('e0', big, { encoding: 'zlib+b64' }),
    t.throwsAsync(writer.event('a|b', big), { instanceOf: FieldError }),
    writer.event('e1', 'small'),
    t.throwsAsync(writer.event('none', 'a\0', { encoding: 'none' }), { instanceOf: FieldError }),
    writer.artifact('e2', 'package.json'),
    t.throwsAsync(writer.artifact('gone', join(path, 'nowhere')), { instanceOf: IoError }),
    writer.event('e3', 'small'),
  ];
  await Promise.all(calls);
  const found = read(t, path);
  t.deepEqual(
    found.map(({ name }) => name),
    ['e0', 'e1', 'e2', 'e3'],
  );
  t.is(found[0]?.text, big);
  for (const { records } of found) t.is(records.at(-1)! - records[0]!, records.length - 1);
});

test('the fields of a payload are read when the call is made', async (t) => {
  const { path, writer } = writerOf(t);
  const fields = { state: 'before' };
  const written = writer.event('e', fields);
  fields.state = 'after';
  await written;
  t.deepEqual({ ...read(t, path)[0]?.fields }, { state: 'before' });
});

test('a payload is a text or an object of fields, of any values', async (t) => {
  const { path, writer } = writerOf(t);
  await writer.event('e', new Error('boo', { cause: new Error('why') }));
  await writer.event('e', { at: new Date(0), big: 10n, not: NaN, lone: '\ud800', gone: undefined });
  t.deepEqual(
    read(t, path).map(({ fields }) => ({ ...fields })),
    [
      { error: 'boo', 'error.sources': ['why'] },
      { at: '1970-01-01T00:00:00.000Z', big: '10', not: 'NaN', lone: '\ufffd' },
    ],
  );
  for (const payload of [null, 5, () => ({}), Buffer.from('x')]) {
    await t.throwsAsync(writer.event('e', payload as never), {
      instanceOf: OptionError,
      message: /^payload must be a text or an object of fields/,
    });
  }
});

test('a payload of more than 1,023 records is refused with its size, and so is what no reader unpacks', async (t) => {
  const { path, writer } = writerOf(t, { encoding: 'none', maxRecords: 2000 });
  await writer.event('most', 'x'.repeat(1023 * 1022));
  await t.throwsAsync(writer.event('over', 'x'.repeat(1023 * 1022 + 1)), {
    instanceOf: TooLargeError,
    code: 'ERR_KVP_TOO_LARGE',
    message:
      'the payload has 1045507 bytes, 1045507 with encoding none; the limit is 1023 records of 1022 bytes',
  });
  await t.throwsAsync(writer.event('over', 'x'.repeat(2 ** 24 + 1), { encoding: 'auto' }), {
    instanceOf: TooLargeError,
    message: 'the payload has 16777217 bytes; readers take at most 16777216',
  });
  await writer.event('packed', 'x'.repeat(2 ** 24), { encoding: 'auto' });
  t.deepEqual(
    read(t, path).map(({ name, records, text }) => [name, records.length, text.length]),
    [
      ['most', 1023, 1023 * 1022],
      ['packed', 22, 2 ** 24],
    ],
  );
});

test('a pool has at most maxRecords, whoever wrote them', async (t) => {
  const { path, writer } = writerOf(t, { encoding: 'none', maxRecords: 4 });
  openPool(path).appendSync('by', 'somebody');
  await writer.event('two', 'x'.repeat(2000));
  const over = writer.event('over', 'x'.repeat(2000));
  const last = writer.event('last');
  await t.throwsAsync(over, {
    instanceOf: PoolFullError,
    code: 'ERR_KVP_POOL_FULL',
    message: `${path} has 3 records; 2 more would be over the limit of 4`,
  });
  await last;
  await t.throwsAsync(writer.event('none left'), { instanceOf: PoolFullError });
  t.is(readPool(path).length, 4);
});

test('a pool is given by its path, its number or an open store', async (t) => {
  const dir = folderOf(t);
  const path = join(dir, '.kvp_pool_1');
  using store = openPool(path);
  const writers = [path, { dir, pool: 1 }, store].map((pool) => diagnostics(pool, { vmId: VM }));
  for (const writer of writers) {
    const written = writer.event('e', 'x'.repeat(5000), { encoding: 'zlib+b64' });
    writer.close();
    writer.close();
    await written;
    await t.throwsAsync(writer.event('e'), {
      instanceOf: ClosedError,
      message: `the diagnostics writer of ${path} is closed; wait for what was begun before close()`,
    });
  }
  t.is(store.size, 3);
  t.true(read(t, path).every(({ agent }) => /^kvp-tracing\/\d/.test(agent)));
  const readOnly = diagnostics(openPool(path, { readOnly: true }), { vmId: VM });
  await t.throwsAsync(readOnly.event('e'), { instanceOf: ReadOnlyError });
});

const PROGRAM = `
import { diagnostics, EmitKVPLayer, openPool, Registry, setGlobalDefault, target } from 'kvp-tracing';
const [path, agent, kind] = process.argv.slice(2);
const textOf = (number) => 'x'.repeat((number * 397) % 5000);
const maxRecords = 1_000_000;
if (kind === 'layer') {
  const registry = new Registry().with(new EmitKVPLayer({ path, agent, vmId: 'vm', maxRecords }));
  setGlobalDefault(registry);
  for (let number = 0; number < 200; number++) {
    target('t').info({ number }, textOf(number));
    if (number % 10 === 0) await registry.flush();
  }
  await registry.shutdown();
} else {
  // Each waits for its turn however long the others take: locks aren't given in the order of who asked.
  const store = openPool(path, { lockTimeout: 120_000 });
  const writer = diagnostics(store, { agent, vmId: 'vm', maxRecords });
  for (let number = 0; number < 200; number += 10) {
    const events = Array.from({ length: 10 }, (_, i) => ({ number: number + i, message: textOf(number + i) }));
    await Promise.all(events.map((event, i) => writer.event('e', event, { encoding: i % 2 ? 'auto' : 'none' })));
  }
}
`;

test('several programs and EmitKVPLayer write to one pool, and all of it is whole', async (t) => {
  const path = poolOf(t);
  const kinds = ['layer', 'api', 'api', 'layer', 'api'];
  const agents = kinds.map((kind, index) => `${kind}/${index}`);
  const programs = kinds.map((kind, index) =>
    ended(start({ source: PROGRAM, folder: folderOf(t) }, [path, agents[index]!, kind])),
  );
  for (const { code, stderr } of await Promise.all(programs)) t.is(code, 0, stderr);
  const found = read(t, path);
  for (const agent of agents) {
    const own = found.filter((diagnostic) => diagnostic.agent === agent);
    t.deepEqual(
      own.map(({ fields }) => fields['number']),
      Array.from({ length: 200 }, (_, number) => number),
      agent,
    );
    for (const { fields, message, records } of own) {
      t.is(message?.length, (Number(fields['number']) * 397) % 5000);
      t.is(records.at(-1)! - records[0]!, records.length - 1);
    }
  }
});

test('a start has a parent and an event an operation if they say so, others go by time and name', async (t) => {
  const path = poolOf(t);
  using writer = diagnostics(path, { agent: 'tester/1', vmId: VM });
  const outer = await writer.start('outer');
  const inner = await writer.start('inner', 'a text', { parent: outer });
  await writer.event('note', { size: 1 }, { operation: inner });
  await writer.event('outer', 'by its name');
  await writer.finish(outer, 'success');
  await writer.finish(inner, 'success');
  const { roots, events } = timeline(readDiagnosticsSync(path).diagnostics);
  t.deepEqual(events, []);
  const [root] = roots;
  t.deepEqual(
    [roots.length, root?.name, root?.events.map(({ message }) => message)],
    [1, 'outer', ['by its name']],
  );
  t.deepEqual(
    root?.children.map(({ name, events: own }) => [name, own.map(({ fields }) => ({ ...fields }))]),
    [['inner', [{ size: 1 }]]],
  );
  const { message } = readDiagnosticsSync(path).diagnostics[1] as { message?: string };
  t.is(message, 'a text');
});
