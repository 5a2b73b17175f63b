import { ClientRequest, IncomingMessage, type RequestOptions } from 'node:http';
import { Socket } from 'node:net';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { seen, spelled } from './helpers/redacted.ts';

const secret = { password: 's3cret' };
/** Values of another realm. */
const foreign = (code: string): object => runInNewContext(code) as object;

/** An object whose getter shows something else at each reading. */
function alternating(name: string, values: readonly unknown[]): object {
  let readings = 0;
  return Object.defineProperty({}, name, { enumerable: true, get: () => values[readings++ % values.length] });
}

class Printing {
  readonly #token = 's3cret';
  [inspect.custom](): unknown {
    return { token: this.#token };
  }
  toJSON(): unknown {
    return { token: this.#token };
  }
}

class Empty extends Map<unknown, unknown> {
  override *[Symbol.iterator](): MapIterator<[unknown, unknown]> {}
  override forEach(): void {}
}

class NoItems extends Array<unknown> {
  override *[Symbol.iterator](): ArrayIterator<unknown> {}
}

class Inheriting extends Error {}
Object.assign(Inheriting.prototype, { token: 's3cret' });

class Asked extends Error {
  #asked = 0;
  override get cause(): unknown {
    return this.#asked++ === 0 ? undefined : { password: 's3cret' };
  }
}

const chain = Array.from({ length: 12 }).reduce<unknown>((cause) => new Error('outer', { cause }), secret);
const shared = { inner: secret };
const HIDEOUTS: Record<string, object> = {
  'a function': { f: Object.assign(() => {}, secret) },
  'a class': {
    c: class {
      static password = 's3cret';
    },
  },
  'a class that a class extends': {
    c: class extends class {
      static password = 's3cret';
    } {},
  },
  'what a class that a class extends holds': { c: class extends Object.assign(class {}, { a: secret }) {} },
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
  'the name of an error, which is a list': {
    o: { e: Object.assign(new Error('text'), { name: [['password', 's3cret']] }) },
  },
  'the name of an error of another realm, which is a list': {
    o: { e: foreign("Object.assign(new Error('text'), { name: [['password', 's3cret']] })") },
  },
  'an object as message': { message: secret },
  'a Map of another realm': { m: foreign("new Map([['password', 's3cret']])") },
  'a Set of another realm': { s: foreign("new Set([{ password: 's3cret' }])") },
  'an array of another realm': { a: foreign("[{ password: 's3cret' }]") },
  'an object of another realm': { o: foreign("({ password: 's3cret' })") },
  'an error of another realm': { e: foreign("Object.assign(new Error('x'), { password: 's3cret' })") },
  'the cause of an error of another realm': {
    e: foreign("new Error('x', { cause: { password: 's3cret' } })"),
  },
  'errors of another realm': { e: foreign("new AggregateError([{ password: 's3cret' }], 'x')") },
  'a Map with its own iterator': { m: new Empty([['password', 's3cret']]) },
  'a Map without a prototype': {
    m: Object.setPrototypeOf(new Map([['password', 's3cret']]), null) as object,
  },
  'an array with its own iterator': { a: NoItems.of({ password: 's3cret' }) },
  'an array with an iterator as property': {
    a: Object.assign([secret], { [Symbol.iterator]: function* () {} }),
  },
  'an array with methods of its own': {
    a: Object.assign(['x'], { map: () => ['s3cret'], password: 's3cret' }),
  },
  'a property of a Buffer': { b: Object.assign(Buffer.from('x'), secret) },
  'a property of a large Buffer': { b: Object.assign(Buffer.alloc(1000), secret) },
  'a property of a typed array': { b: Object.assign(new Float64Array(2), secret) },
  'a property of an ArrayBuffer': { b: Object.assign(new ArrayBuffer(2), secret) },
  'a property of a boxed text': { b: Object.assign(Object('x') as object, secret) },
  'a property of a boxed number': { b: Object.assign(Object(5) as object, secret) },
  'a property of a date': { d: Object.assign(new Date(0), secret) },
  'a property of a regular expression': { r: Object.assign(/x/, secret) },
  'a property of a large array': {
    a: Object.assign(
      Array.from({ length: 1000 }, () => 1),
      secret,
    ),
  },
  'an item of a large array': { a: [...Array.from({ length: 1000 }, () => 1), secret] },
  'entries of headers': {
    h: [
      ['accept', 'x'],
      ['authorization', 's3cret'],
    ],
  },
  'entries in an object': { h: { list: Object.entries({ a: 1, password: 's3cret' }) } },
  FormData: { f: formOf('password', 's3cret') },
  Headers: { h: new Headers({ authorization: 's3cret', accept: 'x' }) },
  URLSearchParams: { u: new URLSearchParams('a=1&access_token=s3cret') },
  'the credentials of a URL': { u: new URL('http://u:s3cret@h/') },
  'the query of a URL': { u: { deep: [new URL('http://h/?client_secret=s3cret')] } },
  'the fragment of a URL': { u: new URL('http://h/#access_token=s3cret') },
  'a Request': { r: new Request('http://h/?token=s3cret', { headers: { authorization: 's3cret' } }) },
  'a Response': { r: new Response('x', { headers: { 'set-cookie': 's3cret' } }) },
  'a request of node:http': {
    r: unsent({ auth: 'u:s3cret', headers: { Authorization: 's3cret', 'X-Api-Key': 's3cret' } }),
  },
  'a request in an error': {
    e: Object.assign(new Error('x'), { request: unsent({ headers: { cookie: 's3cret' } }) }),
  },
  'the stack of an error': { o: [Object.assign(new Error('x'), { stack: secret })] },
  'what is inherited': { o: Object.create(secret) as object },
  'what an error inherits': { e: new Inheriting('x') },
  'a getter that alternates': { o: alternating('inner', [{}, secret]) },
  'a getter whose object alternates': { o: { deep: alternating('inner', [{ a: 1 }, secret, secret]) } },
  'a cause that alternates': { e: new Asked('x') },
  'what a getter changes meanwhile': changing(),
  'the field db.password': { 'db.password': 's3cret' },
  'a symbol as key of a Map': { m: new Map([[Symbol('password'), 's3cret']]) },
  'a boxed text as key of a Map': { m: new Map([[Object('password'), 's3cret']]) },
  'private state that inspect shows': { p: new Printing() },
  'a toJSON of an object': { p: { a: 1, toJSON: () => ({ password: 's3cret' }) } },
  'an inspection of an object': { p: { a: 1, [inspect.custom]: () => ({ password: 's3cret' }) } },
  'a proxy of an array': { p: new Proxy([secret], {}) },
  'a proxy of a Map': { p: new Proxy(new Map([['password', 's3cret']]), {}) },
  'a proxy as prototype': { p: Object.create(new Proxy(secret, {})) as object },
  'a proxy whose members alternate': { p: new Proxy({}, flickering()) },
  'a WeakRef': { w: new WeakRef(secret) },
  'a weak Map': { w: new WeakMap([[secret, secret]]) },
  'a generator': {
    g: (function* () {
      yield secret;
    })(),
  },
  'what lies 50 levels deep': { d: nestedIn(50, secret) },
  'a name of a megabyte': { o: { [`${'x'.repeat(1_000_000)}_password`]: 's3cret' } },
  'an error whose message is an object': Object.defineProperty(new Error('x'), 'message', { value: secret }),
};

function formOf(name: string, value: string): FormData {
  const form = new FormData();
  form.append(name, value);
  form.append('file', new Blob(['x']), 'f');
  return form;
}

/** A request that is never sent. */
function unsent(options: RequestOptions): ClientRequest {
  const request = new ClientRequest({ host: 'h', createConnection: () => new Socket(), ...options } as never);
  return request.on('error', () => {});
}

function nestedIn(levels: number, value: object): object {
  return Array.from({ length: levels }).reduce<object>((inner) => ({ inner }), value);
}

/** An object that is looked at first, and gets a secret by a getter that is looked at later. */
function changing(): object {
  const first: Record<string, unknown> = { a: 1 };
  const later = {
    get second() {
      return (first['password'] = 's3cret').length;
    },
  };
  return { all: { first, deep: { deeper: later } } };
}

/** A proxy's traps that show a secret when they are asked again. */
function flickering(): ProxyHandler<object> {
  let asked = 0;
  return {
    ownKeys: () => ['a'],
    getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }),
    get: () => (asked++ === 0 ? { b: 1 } : secret),
  };
}

for (const [where, fields] of Object.entries(HIDEOUTS)) {
  test(`a secret does not hide in ${where}`, (t) => {
    const text = spelled(fields);
    t.false(text.includes('s3cret'), text);
  });
}

test('what has its content in itself is told as data', (t) => {
  const fields = seen({
    url: new URL('http://u:p@h/a?x=1&sig=2&user_token=3#t'),
    headers: new Headers({ accept: 'a', authorization: 's' }),
    query: new URLSearchParams('a=1&a=2&pwd=3'),
    request: unsent({ path: '/p?q=1&token=2', headers: { Cookie: 'c', Accept: 'a' } }),
  });
  t.deepEqual(fields, {
    url: 'http://REDACTED:REDACTED@h/a?x=1&sig=REDACTED&user_token=REDACTED#t',
    headers: { accept: 'a', authorization: '[redacted]' },
    query: { a: ['1', '2'], pwd: '[redacted]' },
    request: {
      method: 'GET',
      protocol: 'http:',
      host: 'h',
      path: '/p?q=1&token=REDACTED',
      headers: { cookie: '[redacted]', accept: 'a', host: 'h:80' },
    },
  });
});

test('of a message of node:http its head is told, a header that comes twice as a list', (t) => {
  const answer = Object.assign(new IncomingMessage(new Socket()), {
    statusCode: 200,
    rawHeaders: ['Accept', 'a', 'Set-Cookie', 's3cret', 'Via', 'x', 'via', 'y', 'Via', 'z'],
  });
  const { headers } = seen({ answer })['answer'] as { headers: unknown };
  t.deepEqual(headers, { accept: 'a', 'set-cookie': '[redacted]', via: ['x', 'y', 'z'] });
});
