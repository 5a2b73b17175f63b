import test from 'ava';
import { failureBy, failureByEvent } from '../src/tracing/failure.ts';
import { Event, eventFieldNames, readEvent } from '../src/tracing/event.ts';
import { Fields, mergeFields } from '../src/tracing/fields.ts';
import { withPriority } from '../src/tracing/journal.ts';
import { eventCallsites } from '../src/tracing/callsite.ts';
import { redactedUrl } from '../src/tracing/redacted-url.ts';
import {
  causesOf,
  cutName,
  cutText,
  dateText,
  errorMessage,
  inspectLine,
  isObject,
  isPlainObject,
  isRecord,
  stackOf,
  textOf,
} from '../src/tracing/value.ts';

const KIBIBYTE = 1024;

test('a text is cut at 256 KiB and a name at 1 KiB, at a character, with the number of bytes that are gone', (t) => {
  for (const [cut, most] of [
    [cutText, 256 * KIBIBYTE],
    [cutName, KIBIBYTE],
  ] as const) {
    for (const length of [0, 1, Math.floor(most / 3), Math.floor(most / 3) + 1, most - 1, most]) {
      t.is(cut('x'.repeat(length)), 'x'.repeat(length));
    }
    t.is(cut('x'.repeat(most + 1)), `${'x'.repeat(most)}… [+1 bytes]`);
    t.is(cut('x'.repeat(most + 100)), `${'x'.repeat(most)}… [+100 bytes]`);
    t.is(cut('é'.repeat(most)), `${'é'.repeat(most / 2)}… [+${most} bytes]`);
    t.is(cut(`x${'é'.repeat(most)}`), `x${'é'.repeat(most / 2 - 1)}… [+${most + 2} bytes]`);
    t.is(cut(`x${'😀'.repeat(most)}`), `x${'😀'.repeat(most / 4 - 1)}… [+${most * 3 + 4} bytes]`);
    const once = cut('x'.repeat(most + 100));
    t.is(cut(once), once, 'what was cut is not cut again');
    t.is(cut('\ud800'), '\ufffd');
    t.is(cut(`${'x'.repeat(most - 10)}\ud800`), `${'x'.repeat(most - 10)}\ufffd`);
  }
});

test('a value on one line is followed to depth 3 while its text is short', (t) => {
  t.is(inspectLine({ a: { b: { c: { d: { e: 1 } } } } }), '{ a: { b: { c: { d: [Object] } } } }');
  t.is(inspectLine([[[[[1]]]]]), '[ [ [ [ [Array] ] ] ] ]');
  t.is(inspectLine({ a: 'x\ny' }), "{ a: 'x\\ny' }");
  t.is(inspectLine(new (class Disk {})()), 'Disk {}');
  t.is(inspectLine({ a: '[x]', b: { c: 1 } }), "{ a: '[x]', b: { c: 1 } }");
  const wide = (inner: unknown): object =>
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`member ${i} ${'x'.repeat(500)}`, inner]));
  t.true(inspectLine(wide({ a: { b: 1 } })).includes('[Object]'), 'no deeper where there is so much');
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  t.notThrows(() => inspectLine(proxy));
  const error = new Error('first\nsecond');
  t.false(inspectLine(error).includes('\n'));
});

test('causes of an error are told once each, and at most 16', (t) => {
  const chain = (length: number): Error =>
    Array.from({ length }).reduce<Error>(
      (cause, _, i) => new Error(`outer ${i}`, { cause }),
      new Error('root'),
    );
  t.deepEqual(causesOf(new Error('x')), []);
  t.deepEqual(causesOf(chain(2)), ['outer 0', 'root']);
  t.is(causesOf(chain(16)).length, 16);
  t.is(causesOf(chain(17)).length, 16);
  t.deepEqual(causesOf(new Error('x', { cause: 'text' })), ['text']);
  t.deepEqual(causesOf(new Error('x', { cause: { code: 5 } })), ['{ code: 5 }']);
  t.deepEqual(causesOf(new Error('x', { cause: null })), []);
  t.deepEqual(causesOf(new Error('x', { cause: 0 })), ['0']);
  const loop = new Error('loop');
  loop.cause = new Error('back', { cause: loop });
  t.deepEqual(causesOf(loop), ['back']);
});

test('an error is told by its message, or by its name, or by what stands there', (t) => {
  t.is(errorMessage(new RangeError('text')), 'text');
  t.is(errorMessage(new RangeError()), 'RangeError');
  t.is(errorMessage('text'), 'text');
  t.is(errorMessage(5), '5');
  t.is(errorMessage({ a: 1 }), '{ a: 1 }');
  t.is(errorMessage(Object.defineProperty(new Error(), 'message', { value: 5 })), '5');
  t.is(
    errorMessage(Object.defineProperty(new Error(), 'message', { value: { password: 's' } })),
    '[an error without a message]',
  );
  const throwing = Object.defineProperty(new Error(), 'message', {
    get: () => {
      throw new Error('no');
    },
  });
  t.is(errorMessage(throwing), '[an error without a message]');
  t.is(stackOf(new Error('x'))?.split('\n')[0], 'Error: x');
  for (const stack of ['', 5, undefined]) t.is(stackOf(Object.assign(new Error('x'), { stack })), undefined);
  const broken = Object.defineProperty(new Error(), 'stack', {
    get: () => {
      throw new Error('no');
    },
  });
  t.is(stackOf(broken), undefined);
});

test('a value as text, and what it is', (t) => {
  const texts: [unknown, string][] = [
    [5, '5'],
    [5n, '5'],
    [true, 'true'],
    ['text', 'text'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(NaN), 'Invalid Date'],
    [new Error('why'), 'why'],
    [null, 'null'],
    [undefined, 'undefined'],
    [[1], '[ 1 ]'],
  ];
  for (const [value, text] of texts) t.is(textOf(value), text);
  t.is(dateText(new Date(5)), '1970-01-01T00:00:00.005Z');
  for (const [value, object, record, plain] of [
    [{}, true, true, true],
    [Object.create(null), true, true, true],
    [[], true, false, false],
    [() => {}, true, false, false],
    [new Date(), true, true, false],
  ] as const) {
    t.deepEqual([isObject(value), isRecord(value), isPlainObject(value as object)], [object, record, plain]);
  }
  for (const none of [null, undefined, 5, 'text', true]) t.false(isObject(none) || isRecord(none));
});

test('a URL is told without credentials and secret parameters, otherwise as it is', (t) => {
  const isSecret = (name: string): boolean => name === 'pin' || name === 'two words';
  const urls: [string, string][] = [
    ['http://h/p?q=1#f', 'http://h/p?q=1#f'],
    ['http://u:p@h/', 'http://REDACTED:REDACTED@h/'],
    ['http://u@h/', 'http://REDACTED@h/'],
    ['http://u:p@x@h/', 'http://REDACTED:REDACTED@h/'],
    ['//u:p@h/', '//REDACTED:REDACTED@h/'],
    ['http://h/u:p@x', 'http://h/u:p@x'],
    ['http://h?u:p@x', 'http://h?u:p@x'],
    ['/path?pin=1', '/path?pin=REDACTED'],
    ['http://h/?a=1&pin=2&b=3', 'http://h/?a=1&pin=REDACTED&b=3'],
    ['http://h/?pin=1=2', 'http://h/?pin=REDACTED'],
    ['http://h/?pin', 'http://h/?pin'],
    ['http://h/?pin=', 'http://h/?pin=REDACTED'],
    ['http://h/#pin=1', 'http://h/#pin=REDACTED'],
    ['http://h/?a=1#x&pin=2', 'http://h/?a=1#x&pin=REDACTED'],
    ['http://h/?a=1?pin=2', 'http://h/?a=1?pin=REDACTED'],
    [
      'http://h/?SIG=1&Signature=2&AWSAccessKeyId=3&X-Goog-Signature=4',
      'http://h/?SIG=REDACTED&Signature=REDACTED&AWSAccessKeyId=REDACTED&X-Goog-Signature=REDACTED',
    ],
    ['http://h/?p%69n=1', 'http://h/?p%69n=REDACTED'],
    ['http://h/?two+words=1', 'http://h/?two+words=REDACTED'],
    ['http://h/?%zz=1&pin=2', 'http://h/?%zz=1&pin=REDACTED'],
    ['', ''],
    ['no url', 'no url'],
  ];
  for (const [url, redacted] of urls) t.is(redactedUrl(url, isSecret), redacted, url);
});

test('each line of a text has the priority of its level in the journal', (t) => {
  for (const [verbosity, priority] of [
    [1, '<3>'],
    [2, '<4>'],
    [3, '<6>'],
    [4, '<7>'],
    [5, '<7>'],
    [0, ''],
    [9, ''],
  ] as const) {
    t.is(
      withPriority(verbosity, 'one\ntwo\n\nthree\n'),
      `${priority}one\n${priority}two\n\n${priority}three\n`,
    );
  }
});

const ERROR = eventCallsites('t').ERROR;
const eventOf = (message: string | undefined, fields: Fields): Event =>
  new Event(ERROR, message, fields, undefined);

test('a failure is told by what was thrown, or by an event and the error in it', (t) => {
  const error = new Error('why', { cause: new Error('root') });
  t.deepEqual(failureBy(error), { reason: 'why', sources: ['root'], error });
  t.deepEqual(failureBy('text'), { reason: 'text', sources: [] });
  const fields = new Fields(['a', 'error'], [1, error]);
  t.deepEqual(failureByEvent(eventOf('what', fields)), { reason: 'what', sources: ['why', 'root'], error });
  t.deepEqual(failureByEvent(eventOf('why', fields)), { reason: 'why', sources: ['root'], error });
  t.deepEqual(failureByEvent(eventOf(undefined, fields)), { reason: 'why', sources: ['root'], error });
  t.deepEqual(failureByEvent(eventOf('what', new Fields(['a'], [1]))), { reason: 'what', sources: [] });
  const silent = Object.defineProperty(new Error('why'), 'cause', {
    get: () => {
      throw new Error('no');
    },
  });
  t.deepEqual(failureBy(silent).sources, []);
});

test('message and fields are told from the arguments of a call, in either order', (t) => {
  const error = new Error('why');
  const lazy = (): object => ({ a: 1 });
  const calls: [unknown, unknown, string | undefined, Record<string, unknown>][] = [
    ['text', undefined, 'text', {}],
    [{ a: 1 }, 'text', 'text', { a: 1 }],
    ['text', { a: 1 }, 'text', { a: 1 }],
    [{ a: 1 }, undefined, undefined, { a: 1 }],
    [{ a: 1, message: 'own' }, undefined, 'own', { a: 1 }],
    [{ message: 'own', message_: 2 }, 'text', 'text', { message__: 'own', message_: 2 }],
    [lazy, 'text', 'text', { a: 1 }],
    ['text', lazy, 'text', { a: 1 }],
    [() => 'text', { a: 1 }, 'text', { a: 1 }],
    [error, undefined, 'why', { error }],
    [error, 'what', 'what', { error }],
    ['what', error, 'what', { error }],
    [null, undefined, 'null', { error: null }],
    [5, undefined, '5', { error: 5 }],
    [true, 'what', 'what', { error: true }],
    ['one', 'two', 'two', { error: 'one' }],
    [undefined, 'text', 'text', {}],
    [undefined, undefined, undefined, {}],
    [{ message: 5 }, undefined, '5', {}],
    [{ message: { deep: 1 } }, undefined, undefined, { message: { deep: 1 } }],
    [{ a: 1 }, 7, '7', { a: 1 }],
  ];
  for (const [input, message, text, fields] of calls) {
    const read = readEvent(input, message);
    t.is(read.message, text, `${String(input)} ${String(message)}`);
    t.deepEqual({ ...read.fields.toObject() }, fields, `${String(input)} ${String(message)}`);
  }
});

test('names of fields are told before their values are read', (t) => {
  const names = (given: unknown, message?: unknown, own?: string[]) => eventFieldNames(given, message, own);
  t.deepEqual(names('text'), ['message']);
  t.deepEqual(names('text', undefined, ['own', 'message']), ['message', 'own']);
  t.deepEqual(names({ a: 1, own: 2 }, 'text', ['own']), ['message', 'own', 'a']);
  t.deepEqual(names({ a: 1, message: 2 }, 'text'), ['message', 'a', 'message_']);
  t.deepEqual(names({ a: 1, message: 2 }), ['a', 'message']);
  t.deepEqual(names('text', { a: 1 }), ['message', 'a']);
  t.deepEqual(names(new Error('x')), ['message', 'error']);
  t.deepEqual(names(null), ['message', 'error']);
  t.deepEqual(
    names(() => ({ a: 1 })),
    [],
  );
  t.deepEqual(
    names(() => ({ a: 1 }), 'text', ['own']),
    ['message', 'own'],
  );
});

test('fields keep their order, the last value of a name, and room for so many', (t) => {
  const fields = Fields.of({ a: 1, b: 2 });
  fields.set('a', 3);
  fields.set('c', 4);
  t.deepEqual({ ...fields.toObject() }, { a: 3, b: 2, c: 4 });
  t.is(fields.get('none'), undefined);
  t.is(fields.take('a'), 3);
  t.is(fields.take('a'), undefined);
  t.deepEqual(fields.names, ['b', 'c']);
  t.deepEqual(fields.values, [2, 4]);
  fields.rename('b', 'c');
  t.deepEqual(fields.names, ['c_', 'c']);
  fields.rename('none', 'x');
  t.deepEqual(fields.names, ['c_', 'c']);
  const few = Fields.of({ a: 1, b: 2, c: 3 }, 2);
  t.deepEqual({ ...few.toObject() }, { a: 1, b: 2, fields: '[+1 fields]' });
  few.set('d', 4);
  few.set('a', 5);
  t.deepEqual({ ...few.toObject() }, { a: 5, b: 2, fields: '[+2 fields]' });
  t.deepEqual({ ...Fields.of({ a: 1, b: 2 }, 2).toObject() }, { a: 1, b: 2 });
  const none = Fields.of(undefined);
  none.set('a', 1);
  t.deepEqual({ ...none.toObject() }, { a: 1 });
  t.deepEqual(Fields.of(undefined).names, [], 'nobody else has it');
  const merged = mergeFields(Fields.of({ a: 1, b: 2 }), Fields.of({ b: 3, c: 4 }));
  t.deepEqual({ ...merged.toObject() }, { a: 1, b: 3, c: 4 });
});
