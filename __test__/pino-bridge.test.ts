import { hostname } from 'node:os';
import test from 'ava';
import {
  InMemorySpanExporter,
  BasicTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { type LoggerOptions, multistream, pino } from 'pino';
import { OptionError } from '../src/errors.ts';
import { MemoryLayer } from '../src/layers/memory-layer.ts';
import { StderrLayer } from '../src/layers/stderr-layer.ts';
import { OpenTelemetryLayer } from '../src/opentelemetry/layer/opentelemetry-layer.ts';
import { JsonLayer, pinoBridge, type PinoBridgeOptions, pinoMixin } from '../src/pino/index.ts';
import { parseExactly } from '../src/pino/parse-exactly.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { Recorder } from './helpers/recorder.ts';

/** What reaches a registry of an application's lines. */
function bridged(
  application: (log: pino.Logger) => void,
  options: LoggerOptions = {},
  bridge: PinoBridgeOptions = {},
) {
  const recorder = new Recorder();
  const log = pino({ level: 'trace', ...options }, pinoBridge(bridge));
  withDefault(new Registry().with(recorder), () => application(log as pino.Logger));
  return recorder.events.map(({ level, target, message, fields }) => ({
    level,
    target,
    message,
    fields: { ...fields.toObject() },
  }));
}

test("an application's lines are events at their levels, with their bindings and fields", (t) => {
  const events = bridged((log) => {
    log.info('hi');
    log.child({ module: 'disk', n: 1 }).warn({ size: 3, deep: { a: [1, null] } }, 'nearly %s', 'full');
    log.debug({ only: 'fields' });
  });
  t.deepEqual(events, [
    { level: 'INFO', target: 'app', message: 'hi', fields: {} },
    {
      level: 'WARN',
      target: 'app',
      message: 'nearly full',
      fields: { module: 'disk', n: 1, size: 3, deep: { a: [1, null] } },
    },
    { level: 'DEBUG', target: 'app', message: undefined, fields: { only: 'fields' } },
  ]);
});

test('every level has its counterpart, and what has none is a field', (t) => {
  const events = bridged(
    (log) => {
      for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level](level);
      (log as unknown as pino.Logger<'audit'>).audit('audit');
    },
    { customLevels: { audit: 35 } } as LoggerOptions,
  );
  t.deepEqual(
    events.map(({ level, message, fields }) => [level, message, fields['pino.level']]),
    [
      ['TRACE', 'trace', undefined],
      ['DEBUG', 'debug', undefined],
      ['INFO', 'info', undefined],
      ['WARN', 'warn', undefined],
      ['ERROR', 'error', undefined],
      ['ERROR', 'fatal', 'fatal'],
      ['INFO', 'audit', 'audit'],
    ],
  );
});

test("a logger's name is the target, else the option is", (t) => {
  const name = (options: LoggerOptions, bridge?: PinoBridgeOptions) => {
    const [event] = bridged((log) => log.info({ a: 1 }), options, bridge);
    return [event?.target, event?.fields];
  };
  t.deepEqual(name({ name: 'my_app' }), ['my_app', { a: 1 }]);
  t.deepEqual(name({ name: 'my_app' }, { target: 'web' }), ['my_app', { a: 1 }]);
  t.deepEqual(name({}, { target: 'web' }), ['web', { a: 1 }]);
  t.deepEqual(name({ name: '' }, { target: 'web' }), ['web', { name: '', a: 1 }]);
  t.throws(() => pinoBridge({ target: '' }), { instanceOf: OptionError });
});

test('an error is an error again, under the name that events give it', (t) => {
  const error = Object.assign(new RangeError('outer', { cause: new Error('inner') }), { code: 'E_X' });
  const events = bridged((log) => {
    log.error(error, 'failed');
    log.error(error);
    log.error({ err: 'text', error: 1 }, 'own');
  });
  const seen = events[0]?.fields['error'] as RangeError & { code: string };
  t.true(seen instanceof Error);
  t.deepEqual([seen.name, seen.message, seen.code], ['RangeError', 'outer: inner', 'E_X']);
  t.is(seen.stack?.split('\n')[0], 'RangeError: outer');
  t.is(events[1]?.message, 'outer');
  t.deepEqual(events[2]?.fields, { error: 'text', error_: 1 });
});

test("pino's own options are followed: keys, labels, redaction, several streams", (t) => {
  const [event] = bridged((log) => log.warn({ failure: new Error('x'), pin: 'hunter2' }, 'hi'), {
    messageKey: 'text',
    errorKey: 'failure',
    redact: ['pin'],
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { failure: pino.stdSerializers.err },
  });
  t.is(event?.level, 'WARN');
  t.is(event?.message, 'hi');
  t.is((event?.fields['error'] as Error | undefined)?.message, 'x');
  t.is(event?.fields['pin'], '[Redacted]');

  const own: string[] = [];
  const recorder = new Recorder();
  const streams = multistream([
    { level: 'trace', stream: { write: (line: string) => void own.push(line) } },
    { level: 'trace', stream: pinoBridge() },
  ]);
  withDefault(new Registry().with(recorder), () => pino({ level: 'trace' }, streams).debug({ a: 1 }, 'both'));
  t.is(own.length, 1);
  t.deepEqual([recorder.events[0]?.level, recorder.events[0]?.message], ['DEBUG', 'both']);
});

test('pid and hostname of this process are left out, those of another are kept', (t) => {
  const base = { pid: 1, hostname: `not ${hostname()}` };
  t.deepEqual(bridged((log) => log.info('hi'))[0]?.fields, {});
  t.deepEqual(bridged((log) => log.info('hi'), { base })[0]?.fields, base);
});

test('hostile lines survive', (t) => {
  const recorder = new Recorder();
  const bridge = pinoBridge();
  withDefault(new Registry().with(recorder), () => {
    for (const line of [
      'not JSON\n',
      '[1,2]\n',
      '5',
      'null',
      '',
      '{"level":',
      '{}',
      '{"msg":{"a":1},"level":"x"}',
    ]) {
      bridge.write(line);
    }
    bridge.write(
      '{"level":30,"msg":"m","message":"mine","__proto__":{"polluted":1},"constructor":2,"err":{"message":"e","stack":5,"__proto__":1}}\n',
    );
    bridge.write(`{"msg":${JSON.stringify('x'.repeat(1e6))}}`);
    bridge.write(`${'['.repeat(50_000)}`);
  });
  const said = recorder.events.map(({ message }) => message?.slice(0, 10));
  t.deepEqual(said, [
    'not JSON',
    '[1,2]',
    '5',
    'null',
    '',
    '{"level":',
    undefined,
    undefined,
    'm',
    'x'.repeat(10),
    '['.repeat(10),
  ]);
  const fields = recorder.events[8]?.fields.toObject() ?? {};
  t.deepEqual(Object.keys(fields).toSorted(), ['__proto__', 'constructor', 'error', 'message_']);
  t.is(({} as Record<string, unknown>)['polluted'], undefined);
  t.notThrows(() => pinoBridge().write('{}'), 'without a subscriber');
});

test('a line is an event of the current span, and what nobody wants is not even read', (t) => {
  const recorder = new Recorder({ filter: 'info' });
  const log = pino({ level: 'trace' }, pinoBridge());
  withDefault(new Registry().with(recorder), () =>
    target('t').inSpan('work', () => (log.info('in'), log.debug('not wanted'))),
  );
  t.deepEqual(recorder.only('event'), ['event in in work']);
});

test('what JsonLayer writes by pino is not fed to the registry again, whatever the writer', (t) => {
  const lines: string[] = [];
  const recorder = new Recorder();
  const application = pino({}, pinoBridge());
  const both = multistream([pinoBridge(), { stream: { write: (line: string) => void lines.push(line) } }]);
  const registry = new Registry()
    .with(recorder)
    .with(new JsonLayer({ writer: both, filter: 'info' }))
    .with(new StderrLayer({ writer: pinoBridge(), filter: 'info' }))
    .with({ name: 'logs itself', onEvent: () => application.info('echo') });
  withDefault(registry, () => {
    target('t').info('ours');
    application.info('theirs');
  });
  t.deepEqual(recorder.only('event').length, 2, 'no echo of a text layer, nor of a layer that logs');
  t.is(lines.filter((line) => line.includes('"msg":"ours"')).length, 1);
  t.is(lines.filter((line) => line.includes('"msg":"theirs"')).length, 1);
});

test("the mixin puts the span's ids into the application's own lines, new ones each time", (t) => {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { base: null, timestamp: false, mixin: pinoMixin() },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  const provider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())],
  });
  log.info({ a: 1 }, 'outside');
  const ids: unknown[] = [];
  withDefault(new Registry().with(new Recorder()), () =>
    target('t').inSpan(
      'work',
      (span) => (ids.push(span.id), log.info({ a: 1 }, 'inside'), log.info('again')),
    ),
  );
  withDefault(new Registry().with(new OpenTelemetryLayer({ provider })), () =>
    target('t').inSpan('traced', (span) => {
      ids.push(span.id, span.traceId, span.spanId);
      log.info('traced');
      log.info({ span: 'mine' }, 'own');
    }),
  );
  const [first, second, trace_id, span_id] = ids;
  t.deepEqual(lines, [
    { level: 30, a: 1, msg: 'outside' },
    { level: 30, span: first, a: 1, msg: 'inside' },
    { level: 30, span: first, msg: 'again' },
    { level: 30, span: second, trace_id, span_id, msg: 'traced' },
    { level: 30, span: 'mine', trace_id, span_id, msg: 'own' },
  ]);
});

test('bridge and mixin together say the span once', (t) => {
  const recorder = new Recorder();
  const log = pino({ mixin: pinoMixin() }, pinoBridge());
  withDefault(new Registry().with(recorder), () =>
    target('t').inSpan('work', () => log.info({ a: 1 }, 'hi')),
  );
  t.deepEqual({ ...recorder.events[0]?.fields.toObject() }, { a: 1 });
});

test("a field named as the event's own keeps its value under a name that is free", (t) => {
  const [event] = bridged((log) => log.info({ message: 1, message_: 2, message__: 3 }, 'hi'));
  t.like(event, { message: 'hi', fields: { message_: 2, message__: 3, message___: 1 } });
});

test('bigints keep their value, wherever they stand, and numbers stay numbers', (t) => {
  const memory = new MemoryLayer();
  const big = 2n ** 64n + 1n;
  withDefault(new Registry().with(memory), () => {
    const logger = pino({}, pinoBridge()).child({ bound: -big });
    const error = Object.assign(new Error('boom'), { size: big });
    logger.error({ big, deep: { list: [big, 1n] }, err: error }, `"${big}": ${big}`);
    logger.info({
      large: 2 ** 70,
      fraction: 0.1234567890123456,
      small: 1e-20,
      whole: 2 ** 53,
      text: `${big}`,
    });
    logger.info({ text: `\\"${big}`, [`"${big}`]: big });
  });
  const [first, second, third] = memory.take().events;
  t.is(first?.message, `"${big}": ${big}`);
  const { error, ...fields } = first?.fields ?? {};
  t.deepEqual(fields, { bound: -big, big, deep: { list: [big, 1] } });
  t.like(error, { message: 'boom', size: big });
  t.deepEqual(second?.fields, {
    bound: -big,
    large: 2 ** 70,
    fraction: 0.1234567890123456,
    small: 1e-20,
    whole: 2 ** 53,
    text: `${big}`,
  });
  t.deepEqual(third?.fields, { bound: -big, text: `\\"${big}`, [`"${big}`]: big });
});

test('a bigint keeps its value beside a text of any length, and below any number of objects', (t) => {
  const big = 2n ** 64n + 1n;
  const long = `"${'x'.repeat(30_000_000)}\\`;
  const [event] = bridged((log) => log.info({ big, long }, 'hi'));
  t.is(event?.message, 'hi');
  t.is(event?.fields['big'], big);
  t.is(event?.fields['long'], long);
  for (let depth = 10; depth <= 100_000; depth *= 10) {
    const nested = `${'[{"a":'.repeat(depth)}${big}${'}]'.repeat(depth)}`;
    const read = parseExactly(`{"b":[1,${big}],"c":${nested},"__proto__":${big}}`) as Record<string, unknown>;
    t.deepEqual(read['b'], [1, big]);
    t.is(Object.entries(read).at(-1)?.[1], big);
    let inner = read['c'];
    for (let level = 0; level < depth; level++) inner = (inner as { a: unknown }[])[0]?.a;
    t.is(inner, big);
  }
});

test('what only looks like a bigint, and what is no JSON, is what it is', (t) => {
  for (const json of [
    '"1234567890123456789"',
    '"\\"1234567890123456789"',
    '{"1234567890123456789":1}',
    '1e20',
    '12345678901234567.5',
  ]) {
    t.deepEqual(parseExactly(json), JSON.parse(json));
  }
  for (const text of [
    '"1234567890123456789',
    '1234567890123456789 "',
    '{"a":1234567890123456789',
    '1234567890123456789-',
  ]) {
    t.throws(() => parseExactly(text), { instanceOf: SyntaxError }, text);
  }
});
