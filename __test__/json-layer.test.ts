import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import fc from 'fast-check';
import { OptionError } from '../src/errors.ts';
import { OpenTelemetryLayer } from '../src/opentelemetry/layer/opentelemetry-layer.ts';
import { JsonLayer, type JsonLayerOptions } from '../src/pino/index.ts';
import { initializeTracing } from '../src/setup/initialize-tracing.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { type Target, target } from '../src/tracing/target.ts';
import { isError } from '../src/errors.ts';
import { HOSTILE, revoked } from './helpers/hostile-values.ts';
import { folderOf } from './helpers/pool-folder.ts';

type Line = Record<string, unknown>;

/** The lines of a program, which all must be JSON, without their times. */
function linesOf(program: (log: Target) => void, options: JsonLayerOptions = {}): Line[] {
  const lines: Line[] = [];
  const write = (line: string): void => {
    const { time, ...rest } = JSON.parse(line) as Line;
    if (line.indexOf('\n') !== line.length - 1) throw new Error(`not one line: ${line}`);
    if (typeof time !== 'number' || Math.abs(time - Date.now()) > 10_000)
      throw new Error(`time ${String(time)}`);
    lines.push(rest);
  };
  const layer = new JsonLayer({ writer: { write }, filter: 'trace', spanEvents: [], ...options });
  withDefault(new Registry().with(layer), () => program(target('azure_init::user')));
  return lines;
}

test('a line has level, time, target, the message and the fields', (t) => {
  let text = '';
  const layer = new JsonLayer({ writer: { write: (line) => void (text += line) }, filter: 'info' });
  withDefault(new Registry().with(layer), () =>
    target('t').info({ user: 'alice', key_count: 3 }, 'Configuring SSH keys'),
  );
  t.regex(
    text,
    /^\{"level":30,"time":\d{13},"target":"t","user":"alice","key_count":3,"msg":"Configuring SSH keys"\}\n$/,
  );
});

test("levels are pino's numbers", (t) => {
  const lines = linesOf((log) => {
    for (const level of ['error', 'warn', 'info', 'debug', 'trace'] as const) log.event(level, level);
  });
  t.deepEqual(
    lines.map(({ level, msg }) => [level, msg]),
    [
      [50, 'error'],
      [40, 'warn'],
      [30, 'info'],
      [20, 'debug'],
      [10, 'trace'],
    ],
  );
});

test('a line has its span and all spans, root first, with their fields as they are by then', (t) => {
  const lines = linesOf((log) => {
    log.inSpan('provision', { fields: { vm: 1 } }, (outer) =>
      log.inSpan('provision_user', { fields: { user_id: 42, name: 'alice' } }, (inner) => {
        log.info('one');
        target('other').info('two');
        inner.record({ tries: 2 });
        outer.record({ vm: 2 });
        log.info('three');
        outer.info('outside');
      }),
    );
    log.info('none');
  });
  const outer = { name: 'provision', vm: 1 };
  const inner = { name: 'provision_user', user_id: 42, name_: 'alice' };
  const later = [
    { ...outer, vm: 2 },
    { ...inner, tries: 2 },
  ];
  const base = { level: 30, target: 'azure_init::user' };
  t.deepEqual(lines, [
    { ...base, span: inner, spans: [outer, inner], msg: 'one' },
    { ...base, target: 'other', span: inner, spans: [outer, inner], msg: 'two' },
    { ...base, span: later[1], spans: later, msg: 'three' },
    { ...base, span: later[0], spans: [later[0]], msg: 'outside' },
    { ...base, msg: 'none' },
  ]);
});

test("OpenTelemetry's ids are in the lines, whichever layer comes first", (t) => {
  const lines: Line[] = [];
  const writer = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
  const registry = new Registry()
    .with(new JsonLayer({ writer, filter: 'info', spanEvents: ['new'] }))
    .with(new OpenTelemetryLayer({ provider: new BasicTracerProvider() }));
  withDefault(registry, () =>
    target('t').inSpan('work', (span) => {
      target('t').info('hi');
      t.is(lines[1]?.['trace_id'], span.traceId);
      t.is(lines[1]?.['span_id'], span.spanId);
      t.truthy(span.traceId);
    }),
  );
});

test('moments of spans have lines too', (t) => {
  const lines = linesOf((log) => log.inSpan('work', { fields: { a: 1 } }, () => {}), {
    spanEvents: ['new', 'enter', 'exit', 'close'],
  });
  t.deepEqual(
    lines.map(({ msg }) => msg),
    ['new', 'enter', 'exit', 'close'],
  );
  t.regex(String(lines[3]?.['time.busy']), /^[\d.]+(ns|µs|ms|s)$/);
  t.regex(String(lines[3]?.['time.idle']), /^[\d.]+(ns|µs|ms|s)$/);
  for (const { span } of lines) t.deepEqual(span, { name: 'work', a: 1 });
});

test('a field never takes the place of what a line has of its own, whatever it is called', (t) => {
  const names = [
    'level',
    'time',
    'target',
    'msg',
    'span',
    'spans',
    'trace_id',
    'span_id',
    '__proto__',
    'constructor',
  ];
  const fields = Object.defineProperties(
    {},
    Object.fromEntries(names.map((name) => [name, { value: `my ${name}`, enumerable: true }])),
  );
  const [line] = linesOf((log) => log.info(fields, 'hi'));
  t.is(line?.['level'], 30);
  t.is(line?.['target'], 'azure_init::user');
  t.is(line?.['msg'], 'hi');
  for (const name of names.slice(0, 8)) t.is(line?.[`${name}_`], `my ${name}`);
  for (const name of names.slice(8)) t.is(Object.getOwnPropertyDescriptor(line, name)?.value, `my ${name}`);
});

test("errors are what pino's serializer makes of them, wherever they are", (t) => {
  const error = Object.assign(new TypeError('outer', { cause: new Error('inner') }), { code: 'E_OUTER' });
  const [line] = linesOf((log) => log.error({ error, list: [error] }, 'failed'));
  const seen = line?.['error'] as Line;
  t.is(seen['type'], 'TypeError');
  t.is(seen['message'], 'outer: inner');
  t.is(seen['code'], 'E_OUTER');
  t.regex(String(seen['stack']), /^TypeError: outer\n[^]+\ncaused by: Error: inner\n/);
  t.deepEqual(line?.['list'], [seen]);
  t.deepEqual(Object.keys(error), ['code'], 'the error is left as it was');
  const [frozen] = linesOf((log) => log.error(Object.freeze(new Error('cold'))));
  t.deepEqual([frozen?.['msg'], frozen?.['error']], ['cold', { type: 'Error', message: 'cold' }]);
});

test('values of every kind are what they are in the pool, and run nothing of the program', (t) => {
  for (const { what, value, json } of HOSTILE) {
    const [line] = linesOf((log) => log.info({ value }, 'x'));
    t.is(line?.['msg'], 'x', what);
    if (!isError(value)) t.deepEqual(line?.['value'], json, what);
  }
  const toJSON = (): never => t.fail('toJSON ran');
  const [line] = linesOf((log) => log.info({ value: { toJSON, a: 1 }, r: revoked() }));
  t.deepEqual(line?.['value'], { toJSON: '[Function: toJSON]', a: 1 });
});

test('whatever is said, an event is one line of JSON that says it', (t) => {
  const anything = fc.dictionary(
    fc.string({ unit: 'binary' }),
    fc.anything({ withBigInt: true, withDate: true }),
  );
  const property = fc.property(
    fc.string({ unit: 'binary' }),
    anything,
    anything,
    (message, outside, fields) => {
      const [line] = linesOf((log) =>
        log.inSpan(message, { fields: outside }, () => log.info(fields, message)),
      );
      const said = message.toWellFormed();
      return line?.['msg'] === said && (line['span'] as Line)['name'] === said && line['level'] === 30;
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 1000 }));
});

test('a text of 10 MB is cut, a message too', (t) => {
  const long = 'é'.repeat(5_000_000);
  const [line] = linesOf((log) => log.info({ long, deep: [long] }, long));
  for (const text of [line?.['long'], String(line?.['deep']), line?.['msg']]) {
    t.regex(String(text), /^é{131072}… \[\+9737856 bytes\]$/);
  }
});

test("a message is never a format string, and looks of pino's requests don't matter", (t) => {
  const lines = linesOf((log) => {
    log.info({ a: 1 }, '%s %d %o %%');
    log.info({ method: 'GET', headers: { a: 1 }, socket: 1 }, 'request');
  });
  t.is(lines[0]?.['msg'], '%s %d %o %%');
  t.is(lines[1]?.['method'], 'GET');
});

test("pino's options hold", (t) => {
  let text = '';
  const layer = new JsonLayer({
    writer: { write: (line) => void (text += line) },
    filter: 'info',
    pino: {
      messageKey: 'message',
      timestamp: () => ',"time":"now"',
      formatters: { level: (label) => ({ level: label }) },
      redact: ['secret'],
      base: { service: 'agent' },
      serializers: { err: (error: Error) => `!${error.message}` },
    },
  });
  withDefault(new Registry().with(layer), () => target('t').error({ secret: 1, e: new Error('x') }, 'hi'));
  t.is(
    text,
    '{"level":"error","time":"now","service":"agent","target":"t","secret":"[Redacted]","e":"!x","message":"hi"}\n',
  );
  t.throws(() => new JsonLayer({ writer: {} as never }), { instanceOf: OptionError });
});

test.serial("initializeTracing reaches it by format 'json'", async (t) => {
  const file = join(folderOf(t), 'log/agent.json');
  const tracing = await initializeTracing({
    kvp: false,
    opentelemetry: false,
    stderr: { format: 'json', writer: file, filter: 'info' },
  });
  t.deepEqual(Object.keys(tracing.stats()), ['JsonLayer']);
  target('t').info({ a: 1 }, 'hi');
  t.true((await tracing.shutdown()).complete);
  t.regex(readFileSync(file, 'utf8'), /^\{"level":30,"time":\d+,"target":"t","a":1,"msg":"hi"\}\n$/);
});

test('errors inside of errors are objects too', (t) => {
  const error = Object.assign(new AggregateError([new Error('first')], 'all'), {
    inner: new TypeError('second'),
  });
  const [line] = linesOf((log) => log.error({ error }, 'failed'));
  const seen = line?.['error'] as Line;
  t.like((seen['aggregateErrors'] as Line[])[0], { type: 'Error', message: 'first' });
  t.like(seen['inner'], { type: 'TypeError', message: 'second' });
});
