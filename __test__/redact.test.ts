import { readFileSync, statSync } from 'node:fs';
import { inspect } from 'node:util';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import test, { type ExecutionContext } from 'ava';
import { ProvisioningError } from '../src/diagnostics/report/provisioning-error.ts';
import { OptionError } from '../src/errors.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { MemoryLayer } from '../src/layers/memory-layer.ts';
import { KvpSpanProcessor, OpenTelemetryLayer } from '../src/opentelemetry/index.ts';
import { initializeTracing } from '../src/setup/initialize-tracing.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { HOSTILE } from './helpers/hostile-values.ts';
import { poolOf } from './helpers/pool-folder.ts';
import { processorTime } from './helpers/processor-time.ts';
import { seen, spelled } from './helpers/redacted.ts';

const log = target('agent');
const secret = { password: 's3cret' };

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
    { redact: { only: ['user.pin', 'users.*.PIN', 'keys.*'] } },
  );
  t.deepEqual(fields, {
    user: { pin: '[redacted]', inner: { pin: 2 } },
    pin: 3,
    users: [{ pin: '[redacted]' }, { pin: '[redacted]', name: 'a' }],
    keys: ['[redacted]'],
    token: 't',
  });
});

test('a list adds to the default, { only } takes its place, false redacts nothing', (t) => {
  const fields = { adminPassword: 'p', pin: 'n', user: { pin: 'n' } };
  const redacted = '[redacted]';
  t.deepEqual(seen(fields, { redact: [] }), { ...fields, adminPassword: redacted });
  t.deepEqual(seen(fields, { redact: ['pin'] }), {
    adminPassword: redacted,
    pin: redacted,
    user: { pin: redacted },
  });
  t.deepEqual(seen(fields, { redact: ['user.pin'] }), {
    adminPassword: redacted,
    pin: 'n',
    user: { pin: redacted },
  });
  t.deepEqual(seen(fields, { redact: { only: ['PIN'] } }), {
    adminPassword: 'p',
    pin: redacted,
    user: { pin: redacted },
  });
  t.deepEqual(seen(fields, { redact: { only: [] } }), fields);
  t.deepEqual(seen(fields, { redact: false }), fields);
});

test('what is no list of names is refused with what was given', async (t) => {
  const refusals: [wrong: unknown, given: string][] = [
    ['password', '"password"'],
    [[1], '1'],
    [[''], '""'],
    [['.'], '"."'],
    [['pin', 'a..b'], '"a..b"'],
    [{}, 'an object'],
    [{ only: 'pin' }, 'an object'],
    [{ only: ['a.'] }, '"a."'],
    [{ only: [], also: [] }, '"also"'],
    [true, 'true'],
    [null, 'null'],
  ];
  for (const [wrong, given] of refusals) {
    const redact = wrong as never;
    for (const refuse of [
      () => new Registry({ redact }),
      () => new KvpSpanProcessor({ path: poolOf(t), redact }),
    ]) {
      const { message } = t.throws(refuse, { instanceOf: OptionError });
      t.true(message.startsWith('redact must be a list of names (pin) and paths (user.pin'), message);
      t.true(message.endsWith(`or false, not ${given}`), message);
    }
    await t.throwsAsync(initializeTracing({ redact }), {
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

test('what a span keeps is what it was when it was recorded', (t) => {
  const memory = new MemoryLayer();
  const config: Record<string, unknown> = { a: 1 };
  withDefault(new Registry().with(memory), () =>
    log.inSpan('work', { fields: { config } }, () => (config['password'] = 's3cret')),
  );
  t.deepEqual(memory.take().spans[0]?.fields, { config: { a: 1 } });
});

test('what is too much takes bounded time, whatever is in it', (t) => {
  const began = processorTime();
  const bodies: Record<string, object> = {
    records: Array.from({ length: 500_000 }, () => ({ token: 1 })),
    groups: Array.from({ length: 1000 }, () => Array.from({ length: 100 }, () => ({ token: 1 }))),
    texts: Array.from({ length: 90 }, () => Array.from({ length: 90_000 }, (_, i) => i)),
    wide: Object.fromEntries(Array.from({ length: 120_000 }, (_, i) => [`k${i}`, 1])),
    maps: new Map(Array.from({ length: 200_000 }, (_, i) => [i, { password: 1 }])),
    bytes: new Uint8Array(50_000_000),
  };
  const made = processorTime();
  const fields = seen({ ...bodies, small: { password: 1 } });
  const took = processorTime() - made;
  for (const name of ['records', 'groups', 'texts', 'wide', 'maps']) t.is(fields[name], '[unreadable]', name);
  t.deepEqual(fields['small'], { password: '[redacted]' });
  t.is((fields['bytes'] as Uint8Array).length, 50_000_000);
  t.true(took < 3000, `${took} ms, after ${made - began} ms`);
});

test('more fields than an event has room for are counted, and names are cut', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i]));
  const fields = seen(many);
  t.is(Object.keys(fields).length, 1001);
  t.is(fields['fields'], '[+4000 fields]');
  const memory = new MemoryLayer();
  const long = 'n'.repeat(200_000);
  const path = poolOf(t);
  const layer = new EmitKVPLayer({ path, vmId: 'vm' });
  withDefault(new Registry().with(memory).with(layer), () => {
    const span = log.span(long);
    for (let i = 0; i < 1100; i++) span.record({ [`k${i}`]: i });
    span.record({ k0: 'changed' });
    target(long).info({ [long]: 1, inner: { [long]: 1 } });
    span.close();
  });
  await layer.shutdown();
  const { spans, events } = memory.take();
  t.like(spans[0]?.fields, { k0: 'changed', k999: 999, k1000: undefined, fields: '[+100 fields]' });
  const cut = `${'n'.repeat(1024)}… [+198976 bytes]`;
  t.is(spans[0]?.name, cut);
  t.is(events[0]?.target, cut);
  t.deepEqual(events[0]?.fields, { [cut]: 1, inner: { [cut]: 1 } });
  t.true(statSync(path).size < 2560 * 50);
  const letters = 'é'.repeat(600);
  const shortened = `${'é'.repeat(512)}… [+176 bytes]`;
  t.deepEqual(seen({ [letters]: 1, inner: { [letters]: 1 } }), { [shortened]: 1, inner: { [shortened]: 1 } });
});

test('supporting data and reasons of a report are told without secrets', async (t) => {
  const path = poolOf(t);
  const tracing = await initializeTracing({ kvp: { path, vmId: 'vm' }, stderr: false, redact: ['pin'] });
  const supportingData = {
    config: { password: 's3cret', pin: 's3cret', a: 1 },
    apiKey: 's3cret',
    pin: 's3cret',
  };
  const thrown = [
    new ProvisioningError('x', { supportingData }),
    new Error('x', { cause: { password: 's3cret' } }),
    { password: 's3cret' },
  ];
  for (const each of thrown) {
    const { text, written } = await tracing.reportFailure(each as Error, { config2: { token: 's3cret' } });
    t.true(written);
    t.false(text.includes('s3cret'), text);
  }
  t.false(new ProvisioningError('x', { supportingData: { config: secret } }).toReport().includes('s3cret'));
  await tracing.shutdown();
});

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

test('a given name counts as the last part of a field with dots, in any case', (t) => {
  const fields = { 'card.pin': 's3cret', 'card.PIN': 's3cret', 'card.opinion': 'kept', 'pin.length': 4 };
  t.deepEqual(seen(fields, { redact: ['pin'] }), {
    ...fields,
    'card.pin': '[redacted]',
    'card.PIN': '[redacted]',
  });
});

test('what can not be read says so beside secrets that were found', (t) => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  t.deepEqual(seen({ body: { gone: proxy, password: 's3cret', user: 'alice' } }), {
    body: { gone: '[unreadable]', password: '[redacted]', user: 'alice' },
  });
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

test('a reason that is no text is told without its secrets', (t) => {
  const memory = new MemoryLayer();
  const reasons: unknown[] = [
    { ...secret },
    new Map([['token', 's3cret']]),
    new Error('x', { cause: secret }),
  ];
  withDefault(new Registry().with(memory), () => {
    for (const reason of reasons) log.inSpan('fails', (span) => void span.fail(reason as string));
  });
  const { spans } = memory.take();
  t.deepEqual(
    spans.map(({ result }) => result),
    ['fail', 'fail', 'fail'],
  );
  for (const { reason, sources } of spans)
    t.false(inspect([reason, sources], { depth: 9 }).includes('s3cret'));
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
