import { statSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { fieldsJson } from '../src/diagnostics/write/fields-json.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { FieldsText } from '../src/format/fields-text.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { MemoryLayer } from '../src/layers/memory-layer.ts';
import { StderrLayer } from '../src/layers/stderr-layer.ts';
import { attributesOf } from '../src/opentelemetry/layer/attributes.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Fields } from '../src/tracing/fields.ts';
import { Registry } from '../src/tracing/registry.ts';
import { log, setUp } from './helpers/exported-spans.ts';
import { plain } from '../src/pino/plain.ts';
import { HOSTILE, revoked, trapped } from './helpers/hostile-values.ts';
import { poolOf } from './helpers/pool-folder.ts';

/** All three layers in one registry, and what came of them. */
function threeLayers(t: ExecutionContext) {
  const path = poolOf(t);
  const lines: string[] = [];
  const exported = setUp({ filter: 'trace' });
  exported.registry
    .with(new EmitKVPLayer({ path, vmId: 'vm', filter: 'trace', maxRecords: 100_000 }))
    .with(new StderrLayer({ writer: { write: (line) => lines.push(line) }, filter: 'trace' }));
  return { ...exported, lines, path };
}

/** Whether OpenTelemetry takes a value as an attribute. */
function isAttribute(value: unknown): boolean {
  const types = Array.isArray(value) ? value.map((item) => typeof item as string) : [typeof value as string];
  return new Set(types).size <= 1 && types.every((type) => ['string', 'number', 'boolean'].includes(type));
}

test('values of every kind reach OpenTelemetry as what it takes', (t) => {
  const { run, spans, problems } = setUp();
  for (const { value, what } of HOSTILE) {
    run(() =>
      log.inSpan(what, { fields: { value } }, (span) => (span.info({ value }, what), span.record({ value }))),
    );
  }
  t.deepEqual(problems, []);
  t.deepEqual(
    spans().map(({ name }) => name),
    HOSTILE.map(({ what }) => what),
  );
  for (const [index, { value, what, json, line }] of HOSTILE.entries()) {
    const span = spans()[index];
    const attribute = span?.attributes['value'];
    t.true(isAttribute(attribute), what);
    t.deepEqual(span?.events.find(({ name }) => name === what)?.attributes?.['value'], attribute, what);
    if (typeof value === 'number') t.is(attribute, value, what);
    else if (typeof json === 'string') t.is(attribute, json, what);
    else if (!Array.isArray(attribute) && typeof line === 'string') t.is(attribute, line, what);
  }
});

test('hostile values thrown, returned, recorded and given as reasons harm neither the program nor a layer', async (t) => {
  const { run, registry, lines, path, problems, spans } = threeLayers(t);
  const values = [...HOSTILE.map(({ value }) => value), revoked(), trapped(), undefined];
  const thrown: unknown[] = [];
  await run(async () => {
    for (const value of values) {
      const options = { name: 'work', fields: () => value as object, ret: true, err: true } as const;
      t.is(log.instrument(options, () => [value])()[0], value);
      try {
        log.instrument(options, () => {
          throw value;
        })();
      } catch (error) {
        thrown.push(error);
      }
      await log
        .instrument(options, async () => Promise.reject(value))()
        .catch((error: unknown) => thrown.push(error));
      log.inSpan('said', (span) => {
        span.record(value as object).fail(value as string);
        span.error(value as object);
        log.info({ [String(typeof value)]: value, message: value });
      });
    }
  });
  t.true(thrown.every((error, i) => Object.is(error, values[Math.floor(i / 2)])));
  t.is(thrown.length, 2 * values.length);
  const made = [...spans()];
  t.deepEqual(await registry.shutdown({ timeout: 60_000 }), { complete: true, dropped: 0, problems: [] });
  t.deepEqual(problems, []);
  for (const line of lines) t.regex(line, /^\P{Cc}+\n$/u);
  const read = readDiagnosticsSync(path);
  t.deepEqual([read.problems, read.unknown], [[], []]);
  for (const { text } of read.diagnostics) t.notThrows(() => JSON.parse(text), text);
  t.is(made.length, 4 * values.length);
  for (const { attributes, events } of made) {
    for (const each of [attributes, ...events.map((event) => event.attributes ?? {})]) {
      for (const [name, attribute] of Object.entries(each)) t.true(isAttribute(attribute), name);
    }
  }
});

test('texts of 10 MB are cut in each layer, wherever they stand', async (t) => {
  const { run, registry, lines, path, spans } = threeLayers(t);
  const long = 'é'.repeat(5 * 1024 * 1024);
  const error = new Error(long, { cause: long });
  run(() =>
    log.inSpan('work', { fields: { long } }, (span) => {
      span.record({ nested: { long } });
      span.error({ error }, 'failed');
      span.info({ list: [long] }, long);
      span.error(error);
      span.fail(long);
    }),
  );
  const [span] = spans();
  t.deepEqual(await registry.shutdown({ timeout: 60_000 }), { complete: true, dropped: 0, problems: [] });
  const cut = `${'é'.repeat(128 * 1024)}… [+${10 * 1024 * 1024 - 256 * 1024} bytes]`;
  t.is(span?.attributes['long'], cut);
  t.is(span?.status.message, cut);
  const exception = span?.events.find(({ name }) => name === 'exception');
  t.is(exception?.attributes?.['exception.message'], cut);
  t.deepEqual(span?.events.find(({ name }) => name === cut)?.attributes?.['list'], [cut]);
  const events = readDiagnosticsSync(path).diagnostics.filter(({ kind }) => kind === 'event');
  t.deepEqual(
    events.map(({ message, fields }) => [message, { ...fields }]),
    [
      ['failed', { error: cut, 'error.sources': [cut] }],
      [cut, { list: [cut] }],
      [cut, { error: cut, 'error.sources': [cut] }],
    ],
  );
  for (const line of lines) t.true(line.length < 2 * 1024 * 1024, `${line.length}`);
  t.true(statSync(path).size < 16 * 1024 * 1024);
});

/** `width` times the same, in `width` arrays, and so on. */
function shared(width: number, levels: number): unknown {
  if (levels === 0) return 1;
  const below = shared(width, levels - 1);
  return Array.from({ length: width }, () => below);
}

test('values that refer to the same things a hundred million times are told in a moment', (t) => {
  const long = 'x'.repeat(1024 * 1024);
  const values = {
    arrays: shared(100, 4),
    texts: Array.from({ length: 10_000 }, () => long),
    numbers: Array.from({ length: 1e6 }, () => 1.5),
  };
  for (const [what, value] of Object.entries(values)) {
    const fields = new Fields(['value'], [value]);
    const began = performance.now();
    const texts = [
      fieldsJson('{', fields, '}'),
      new FieldsText(' ', (name) => `${name}=`).of(fields),
      JSON.stringify(attributesOf(fields, undefined)),
      JSON.stringify(plain(value, () => undefined)),
    ];
    const took = performance.now() - began;
    for (const text of texts) t.true(text.length < 3 * 1024 * 1024, `${what}: ${text.length}`);
    t.true(took < 5000, `${what}: ${took} ms`);
  }
});

/** What layers of a program may answer in place of an outcome. */
const NO_OUTCOMES: Record<string, unknown> = {
  'a text': 'done',
  'without problems': { complete: true, dropped: 0 },
  'problems that are no list': { complete: true, dropped: 0, problems: 5 },
  'a count that is none': { complete: true, dropped: '1', problems: [] },
  'a proxy that throws': new Proxy({}, { get: () => trapped() }),
};

for (const [what, outcome] of Object.entries(NO_OUTCOMES)) {
  test(`a flush and a shutdown resolve whatever a layer says of them: ${what}`, async (t) => {
    const layer = { name: 'Odd', flush: async () => outcome, shutdown: async () => outcome } as never;
    const registry = new Registry().with(layer).with(new MemoryLayer());
    for (const { complete, dropped, problems } of [await registry.flush(), await registry.shutdown()]) {
      t.deepEqual([complete, dropped, problems.length], [false, 0, 1]);
      t.regex(problems[0]?.message ?? '', /^Odd could not finish: /);
    }
  });
}

test('what a layer says of problems is passed on as far as it is errors', async (t) => {
  const said = { complete: false, dropped: NaN, problems: [new Error('own'), 'text', null] };
  const registry = new Registry().with({ flush: async () => said } as never);
  t.deepEqual(await registry.flush(), { complete: false, dropped: 0, problems: [new Error('own')] });
});

test('statistics that throw when they are read harm nobody', (t) => {
  const odd = { name: 'Odd', stats: () => new Proxy({}, { ownKeys: () => trapped() as never }) };
  const registry = new Registry({ onProblem: () => {} }).with(odd).with(new MemoryLayer());
  t.like(registry.stats(), { Odd: { throws: 1 }, MemoryLayer: { throws: 0 } });
});

test('hooks and handlers that are async and fail end no program', async (t) => {
  const unhandled: unknown[] = [];
  const hear = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', hear);
  t.teardown(() => process.off('unhandledRejection', hear));
  const fail = async () => Promise.reject(new Error('async'));
  const problems: string[] = [];
  const registry = new Registry({
    onProblem: (problem) => (problems.push(problem.message), fail()) as never,
  }).with({
    name: 'Async',
    onNewSpan: fail,
    onRecord: fail,
    onEnter: fail,
    onExit: fail,
    onClose: fail,
    onEvent: fail,
  } as never);
  withDefault(registry, () => {
    log.inSpan('span', { fields: fail as never }, (span) => void span.record({ a: 1 }));
    log.info(fail as never);
  });
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(unhandled, []);
  t.deepEqual(problems, ['Async threw: async; it stays in use']);
  t.like(registry.stats(), { Async: { throws: 6 } });
});

test('fields that come too late are said to', (t) => {
  const memory = new MemoryLayer();
  withDefault(new Registry().with(memory), () => log.info((async () => ({ a: 1 })) as never, 'text'));
  t.deepEqual(memory.take().events[0]?.fields, { fields: '[a promise: fields are needed at once]' });
});
