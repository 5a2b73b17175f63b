import { SpanStatusCode } from '@opentelemetry/api';
import test from 'ava';
import { log, setUp } from './helpers/exported-spans.ts';

test('an ERROR event sets the status, one in a hidden span that of the visible ancestor', (t) => {
  const { run, named } = setUp();
  run(() => {
    log.inSpan('outer', () => {
      log.inSpan('warned', () => log.warn('so so'));
      log.inSpan('failed', () => log.error('it broke'));
    });
    log.inSpan('visible', () => log.inSpan('hidden', { level: 'debug' }, () => log.error('below')));
  });
  t.deepEqual(named('failed').status, { code: SpanStatusCode.ERROR, message: 'it broke' });
  t.is(named('warned').status.code, SpanStatusCode.UNSET);
  t.is(named('outer').status.code, SpanStatusCode.UNSET);
  t.deepEqual(named('visible').status, { code: SpanStatusCode.ERROR, message: 'below' });
});

test('an Error in a field is recorded as an exception with its chain of causes', (t) => {
  const { run, named } = setUp();
  const inner = new RangeError('no space');
  const cause = new Error('write failed', { cause: inner });
  const error = new TypeError('provisioning failed', { cause });
  run(() => log.inSpan('work', () => log.warn({ error, user: 'alice' }, 'retrying')));
  const { events, status } = named('work');
  t.deepEqual(
    events.map(({ name }) => name),
    ['retrying', 'exception'],
  );
  t.is(events[0]?.attributes?.['error'], 'provisioning failed');
  const exception = events[1]?.attributes ?? {};
  t.is(exception['exception.type'], 'TypeError');
  t.is(exception['exception.message'], 'provisioning failed');
  const stack = String(exception['exception.stacktrace']);
  t.true(stack.startsWith('TypeError: provisioning failed\n    at '));
  t.regex(stack, /\n {2}\[cause\]: Error: write failed\n {6}at /);
  t.regex(stack, /\n {4}\[cause\]: RangeError: no space\n {8}at /);
  t.is(status.code, SpanStatusCode.UNSET);
});

test('an Error in a field of the span is recorded too, once', (t) => {
  const { run, named } = setUp();
  const [first, second, third] = [new Error('first'), new Error('second'), new Error('third')];
  run(() =>
    log.inSpan('work', { fields: { first } }, (span) => {
      span.record({ first, second });
      log.warn(second);
      span.record({ third });
    }),
  );
  const recorded = named('work').events.filter(({ name }) => name === 'exception');
  t.deepEqual(
    recorded.map(({ attributes }) => attributes?.['exception.message']),
    ['first', 'second', 'third'],
  );
});

test('a chain of causes that bites its tail ends', (t) => {
  const { run, named } = setUp();
  const error = new Error('loop');
  error.cause = error;
  const many = new AggregateError([new Error('one'), new Error('two')], 'all failed');
  run(() => log.inSpan('work', () => (log.info({ error }, 'a'), log.info({ many }, 'b'))));
  const stacks = named('work').events.map(({ attributes }) => String(attributes?.['exception.stacktrace']));
  t.regex(stacks[1] ?? '', /\[cause\]: \[Circular\]$/);
  t.regex(stacks[3] ?? '', /\[error\]: Error: one[^]*\[error\]: Error: two/);
});

test('an Error whose properties throw harms nothing', (t) => {
  const { run, named, problems } = setUp();
  const hostile = new Error('x');
  for (const name of ['stack', 'cause', 'code', 'name', 'message']) {
    Object.defineProperty(hostile, name, {
      get: () => {
        throw new Error('gotcha');
      },
    });
  }
  const thrown = t.throws(
    () =>
      run(() =>
        log.inSpan('work', () => {
          throw hostile;
        }),
      ),
    { any: true },
  );
  t.is(thrown, hostile);
  t.is(named('work').status.code, SpanStatusCode.ERROR);
  t.is(named('work').events.length, 1);
  t.deepEqual(problems, []);
});

test('a throw sets the status and records the exception', (t) => {
  const { run, named } = setUp();
  const error = new Error('boom');
  t.throws(
    () =>
      run(() =>
        log.inSpan('sync', () => {
          throw error;
        }),
      ),
    { is: error },
  );
  t.deepEqual(named('sync').status, { code: SpanStatusCode.ERROR, message: 'boom' });
  t.deepEqual(
    named('sync').events.map(({ name, attributes }) => [name, attributes?.['exception.message']]),
    [['exception', 'boom']],
  );
});

test('a rejection is recorded once, in each span it passes, with and without err', async (t) => {
  const { run, named } = setUp();
  const error = new Error('boom');
  const inner = log.instrument({ name: 'inner', err: true }, () => Promise.reject(error));
  await t.throwsAsync(
    run(() => log.inSpan('outer', async () => inner())),
    { is: error },
  );
  const exceptions = (name: string) =>
    named(name).events.filter((event) => event.name === 'exception').length;
  t.is(exceptions('inner'), 1);
  t.is(exceptions('outer'), 1);
  t.is(named('inner').events[0]?.name, 'boom');
  t.deepEqual(named('inner').status, { code: SpanStatusCode.ERROR, message: 'boom' });
});

test('what is thrown without being an Error is recorded as text', (t) => {
  const { run, named } = setUp();
  t.throws(
    () =>
      run(() =>
        log.inSpan('work', () => {
          throw 'just text';
        }),
      ),
    { any: true },
  );
  t.deepEqual(named('work').status, { code: SpanStatusCode.ERROR, message: 'just text' });
  t.is(named('work').events[0]?.attributes?.['exception.message'], 'just text');
});

test('fail() sets the status with its reason, succeed() keeps it unset in spite of errors', (t) => {
  const { run, named } = setUp();
  run(() => {
    log.inSpan('failed', (span) => span.fail('no network'));
    log.inSpan('unexplained', (span) => {
      log.error('first');
      span.fail();
    });
    log.inSpan('fine', (span) => {
      log.error('recovered');
      span.succeed();
    });
  });
  t.deepEqual(named('failed').status, { code: SpanStatusCode.ERROR, message: 'no network' });
  t.deepEqual(named('unexplained').status, { code: SpanStatusCode.ERROR, message: 'first' });
  t.is(named('fine').status.code, SpanStatusCode.UNSET);
});

test('an event whose span is closed goes to the nearest open ancestor, else it is counted', (t) => {
  const { run, named, layer } = setUp();
  run(() => {
    const outer = log.span('outer');
    const inner = log.span('inner', { parent: outer });
    inner.close();
    inner.error('late');
    outer.close();
    inner.info('too late');
  });
  t.deepEqual(named('inner').events, []);
  t.deepEqual(
    named('outer').events.map(({ name }) => name),
    ['late'],
  );
  t.is(named('outer').status.code, SpanStatusCode.UNSET);
  t.deepEqual(layer.stats(), { spans: 2, events: 1, dropped: 1, outside: 0 });
});
