import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import test, { type ExecutionContext } from 'ava';
import { fieldsJson } from '../src/diagnostics/write/fields-json.ts';
import { OptionError } from '../src/errors.ts';
import { MemoryLayer } from '../src/layers/memory-layer.ts';
import { OpenTelemetryLayer } from '../src/opentelemetry/index.ts';
import { initializeTracing } from '../src/setup/initialize-tracing.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Fields } from '../src/tracing/fields.ts';
import { Registry, type RegistryOptions } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { HOSTILE } from './helpers/hostile-values.ts';
import { poolOf } from './helpers/pool-folder.ts';

const log = target('agent');

/** The fields of an event as a layer sees them. */
function seen(fields: object, options: RegistryOptions = {}): Record<string, unknown> {
  const memory = new MemoryLayer();
  withDefault(new Registry(options).with(memory), () => log.info(fields, 'text'));
  return memory.take().events[0]?.fields ?? {};
}

test.serial('a secret is in none of the three places, whatever way it came', async (t) => {
  const path = poolOf(t);
  const lines: string[] = [];
  const exporter = new InMemorySpanExporter();
  const tracing = await initializeTracing({
    kvp: { path, vmId: 'vm', filter: 'trace' },
    opentelemetry: { spanProcessors: [new SimpleSpanProcessor(exporter)], filter: 'trace' },
    stderr: { writer: { write: (line) => void lines.push(line) }, filter: 'trace' },
  });
  const fields = {
    user: 'alice',
    password: 's3cret',
    nested: { Authorization: 's3cret', list: [{ token: 's3cret' }] },
  };
  const failure = Object.assign(
    new Error('refused', { cause: Object.assign(new Error('why'), { token: 's3cret' }) }),
    {
      secret: 's3cret',
    },
  );
  const child = log.child({ token: 's3cret' });
  t.throws(() =>
    child.inSpan('login', { fields }, (span) => {
      span.record({ passwd: 's3cret', step: 1 });
      child.info(() => fields, 'lazy');
      span.event('warn', fields, 'of the span');
      log.error(failure);
      const inner = log.instrument({ name: 'inner', fields: () => fields, err: true, ret: true }, () => {
        throw failure;
      });
      inner();
    }),
  );
  const spans = inspect(
    exporter.getFinishedSpans().map(({ attributes, events, status }) => [attributes, events, status]),
    {
      depth: 9,
    },
  );
  t.true((await tracing.shutdown()).complete);
  for (const [where, text] of [
    ['the pool', readFileSync(path, 'latin1')],
    ['OpenTelemetry', spans],
    ['lines', lines.join('')],
  ] as const) {
    t.true(text.includes('alice'), where);
    t.true(text.includes('[redacted]'), where);
    t.false(text.includes('s3cret'), where);
  }
});

test('what the caller gave stays as it is, and what holds no secret is the very same', (t) => {
  const plain = { when: new Date(0), list: [1, 2] };
  const given = { user: { password: 'p', plain }, plain };
  const fields = seen(given) as typeof given;
  t.is(given.user.password, 'p');
  t.deepEqual(fields.user, { password: '[redacted]', plain });
  t.is(fields.plain, plain);
  t.is(fields.user.plain, plain);
});

test('names are found at any depth and in any case, also in Errors, Maps, Sets and instances', (t) => {
  class Session {
    token = 's3cret';
    user = 'alice';
  }
  const error = Object.assign(new RangeError('text'), { token: 's3cret', code: 7 });
  const fields = seen({
    PASSWORD: 's3cret',
    error,
    map: new Map<unknown, unknown>([
      ['secret', 's3cret'],
      ['list', [{ passwd: 's3cret' }]],
    ]),
    set: new Set([{ token: 's3cret' }]),
    session: new Session(),
  });
  const text = inspect(fields, { depth: 9 });
  t.false(text.includes('s3cret'), text);
  t.true(fields['error'] instanceof RangeError);
  t.like(fields['error'], { message: 'text', code: 7, token: '[redacted]' });
  t.true(fields['session'] instanceof Session);
  t.like(fields['session'], { user: 'alice' });
});

test('a path goes from a field on, a star is any member', (t) => {
  const fields = seen(
    {
      user: { pin: 1, inner: { pin: 2 } },
      pin: 3,
      users: [{ pin: 4 }, { pin: 5, name: 'a' }],
      keys: ['k'],
      token: 't',
    },
    { redact: ['user.pin', 'users.*.PIN', 'keys.*'] },
  );
  t.deepEqual(fields, {
    user: { pin: '[redacted]', inner: { pin: 2 } },
    pin: 3,
    users: [{ pin: '[redacted]' }, { pin: '[redacted]', name: 'a' }],
    keys: ['[redacted]'],
    token: 't',
  });
});

test('an empty list redacts nothing; what is no list of names is refused', (t) => {
  t.deepEqual(seen({ password: 'p' }, { redact: [] }), { password: 'p' });
  for (const wrong of ['password', [1], [''], ['.'], ['a..b'], {}, null]) {
    t.throws(() => new Registry({ redact: wrong as never }), {
      instanceOf: OptionError,
      message: /^redact must be /,
    });
  }
});

test('message text is passed on as it is', (t) => {
  const memory = new MemoryLayer();
  withDefault(new Registry().with(memory), () => log.info({ token: 'a' }, 'token=a password=b'));
  t.is(memory.take().events[0]?.message, 'token=a password=b');
});

test('values that loop, throw or have no end are looked through or not passed on', (t) => {
  const loop: Record<string, unknown> = { password: 's3cret' };
  loop['self'] = loop;
  loop['list'] = [loop];
  const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, { i }]));
  const fields = seen({
    loop,
    wide,
    many: Object.assign([] as number[], { length: 1e9 }),
    few: Array.from({ length: 50_000 }, (_, i) => i),
  });
  t.false(inspect(fields['loop'], { depth: 20 }).includes('s3cret'));
  t.is(fields['wide'], '[unreadable]');
  t.is(fields['many'], '[unreadable]');
  t.is((fields['few'] as number[]).length, 50_000);
});

const check = (t: ExecutionContext, value: unknown): void => {
  t.notThrows(() => seen({ value, nested: { value } }, { redact: ['password', 'value.*.x'] }));
};

test('no value of JavaScript stops it', (t) => {
  for (const { value } of HOSTILE) check(t, value);
});

/** What of a value reaches the ways in which values are spelled. */
function spelled(fields: object, options: RegistryOptions = {}): string {
  const kept = seen(fields, options);
  const own = new Fields(Object.keys(kept), Object.values(kept));
  return [inspect(kept, { depth: 20, showHidden: true }), fieldsJson('{', own, '}')].join('\n');
}

const secret = { password: 's3cret' };
const chain = Array.from({ length: 12 }).reduce<unknown>((cause) => new Error('outer', { cause }), secret);
const shared = { inner: secret };
const HIDEOUTS: Record<string, object> = {
  'a function': { f: Object.assign(() => {}, secret) },
  'a class': {
    c: class {
      static password = 's3cret';
    },
  },
  'a key of a Map': { m: new Map([[secret, 1]]) },
  'a property of a Map': { m: Object.assign(new Map(), secret) },
  'a property of an array': { a: Object.assign([1], secret) },
  'what a symbol names': { s: { [Symbol('meta')]: secret } },
  'a promise': { p: Promise.resolve(secret) },
  'an iterator': { i: new Map([['x', secret]]).values() },
  'a proxy that hides its keys': { p: new Proxy({ inner: secret }, { ownKeys: () => [] }) },
  'the end of a chain of causes': { error: chain },
  'errors of an AggregateError': { error: new AggregateError([secret]) },
  'a place that is also far down': { v: { deep: { a: { b: { c: { d: { e: { f: shared } } } } } }, shared } },
  'an object as message': { message: secret },
  'an error whose message is an object': Object.defineProperty(new Error('x'), 'message', { value: secret }),
};

for (const [where, fields] of Object.entries(HIDEOUTS)) {
  test(`a secret does not hide in ${where}`, (t) => {
    t.false(spelled(fields).includes('s3cret'), spelled(fields));
  });
}

test('a path counts wherever the same object stands', (t) => {
  const user = { pin: 's3cret', pass2: 's3cret' };
  const text = spelled({ f: { user, other: user } }, { redact: ['f.user.pin', 'f.other.pass2', 'f.*.none'] });
  t.regex(text, /user: \{ pin: '\[redacted\]', pass2: 's3cret' \}/);
  t.regex(text, /other: \{ pin: 's3cret', pass2: '\[redacted\]' \}/);
});

test('a name with dots is also that of a field', (t) => {
  const name = 'http.request.header.authorization';
  t.deepEqual(seen({ [name]: 's3cret' }, { redact: [name] }), { [name]: '[redacted]' });
});

test('keys of a Map stay what they are, and so does what an error of the platform says', (t) => {
  const key = {};
  const map = new Map<unknown, unknown>([
    [1, 'a'],
    ['1', 'b'],
    [key, 'o'],
    ['token', 't'],
  ]);
  const error = Object.assign(new DOMException('no', 'AbortError'), secret);
  const fields = seen({ map, error });
  t.deepEqual(
    [...(fields['map'] as Map<unknown, unknown>)],
    [
      [1, 'a'],
      ['1', 'b'],
      [key, 'o'],
      ['token', '[redacted]'],
    ],
  );
  t.like(fields['error'], { message: 'no', name: 'AbortError', password: '[redacted]' });
});

test('what is thrown is told without its secrets, once, and goes on as it is', (t) => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const registry = new Registry().with(new OpenTelemetryLayer({ provider }));
  const thrown = [
    { ...secret },
    new Error('x', { cause: { ...secret } }),
    new AggregateError([{ ...secret }]),
    Object.assign(new Error('boom'), secret),
  ];
  withDefault(registry, () => {
    for (const each of thrown) {
      const fails = log.instrument({ name: 'fails', err: true }, () => {
        throw each;
      });
      t.is(t.throws(fails, { any: true }) as unknown, each);
    }
  });
  const spans = exporter.getFinishedSpans();
  t.is(spans.length, 4);
  const told = spans.map(({ events, status }) => ({ events, status }));
  t.false(inspect(told, { depth: 9 }).includes('s3cret'));
  for (const { events } of spans) t.is(events.filter(({ name }) => name === 'exception').length, 1);
});
