/** Values that make trouble, each with what the pool's JSON and a line say of it. */
export interface HostileValue {
  readonly what: string;
  readonly value: unknown;
  readonly json: unknown;
  readonly line: RegExp | string;
  /** Of an error: its causes. */
  readonly sources?: readonly string[];
}

class Disk {
  readonly size = 3;
}

class LyingDate extends Date {
  override getTime(): number {
    return NaN;
  }
  override toISOString(): string {
    return '"\n';
  }
}

function nested(levels: number): unknown[] {
  let array: unknown[] = [];
  for (let level = 0; level < levels; level++) array = [array];
  return array;
}

const throwing = (): never => {
  throw new Error('trap');
};

const TRAPS: ProxyHandler<object> = {
  get: throwing,
  getOwnPropertyDescriptor: throwing,
  getPrototypeOf: throwing,
  has: throwing,
  ownKeys: throwing,
};

export function trapped(): object {
  return new Proxy({}, TRAPS);
}

export function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function circular(): object {
  const object: Record<string, unknown> = { a: 1 };
  object['self'] = object;
  return object;
}

function causeLoop(): Error {
  const outer = new Error('outer');
  outer.cause = new Error('inner', { cause: outer });
  return outer;
}

function errorWith(name: string, descriptor: PropertyDescriptor): Error {
  return Object.defineProperty(new Error('own'), name, descriptor);
}

export const HOSTILE: readonly HostileValue[] = [
  {
    what: 'an object in itself',
    value: circular(),
    json: { a: 1, self: '[Circular]' },
    line: /\[Circular \*1\]/,
  },
  { what: 'a revoked proxy', value: revoked(), json: '[unreadable]', line: '"[unreadable]"' },
  {
    what: 'a proxy whose traps throw',
    value: trapped(),
    json: '[unreadable]',
    line: '"[unreadable]"',
  },
  {
    what: 'a getter deep inside',
    value: deepGetter(),
    json: { deep: { a: '[threw]', b: 1 } },
    line: "{ deep: { b: 1, a: '[threw]' } }",
  },
  { what: 'a lone surrogate', value: 'a\ud800b', json: 'a\ufffdb', line: '"a\ufffdb"' },
  {
    what: 'a lone surrogate inside',
    value: { '\udfff': ['\ud800'] },
    json: { '\ufffd': ['\ufffd'] },
    line: /./,
  },
  { what: 'NULs and controls', value: '\0\u001b[31m\n', json: '\0\u001b[31m\n', line: '"\\0\\u{1b}[31m\\n"' },
  { what: 'a symbol', value: Symbol('s'), json: 'Symbol(s)', line: 'Symbol(s)' },
  { what: 'a function', value: throwing, json: '[Function: throwing]', line: '[Function: throwing]' },
  { what: 'an instance', value: new Disk(), json: 'Disk { size: 3 }', line: 'Disk { size: 3 }' },
  { what: 'a map', value: new Map([['a', 1]]), json: "Map(1) { 'a' => 1 }", line: "Map(1) { 'a' => 1 }" },
  {
    what: 'an error with a loop',
    value: causeLoop(),
    json: 'outer',
    sources: ['inner'],
    line: 'outer value.sources=[inner]',
  },
  {
    what: 'an error whose message throws',
    value: errorWith('message', { get: throwing }),
    json: '[an error without a message]',
    line: '[an error without a message]',
  },
  { what: 'an error with a number', value: errorWith('message', { value: 5 }), json: '5', line: '5' },
  {
    what: 'an error whose cause throws',
    value: errorWith('cause', { get: throwing }),
    json: 'own',
    line: 'own',
  },
  { what: 'no date', value: new Date(NaN), json: 'Invalid Date', line: 'Invalid Date' },
  { what: 'a false date', value: Object.create(Date.prototype), json: '[unreadable]', line: /Date/ },
  {
    what: 'a date whose methods lie',
    value: new LyingDate(0),
    json: '1970-01-01T00:00:00.000Z',
    line: '1970-01-01T00:00:00.000Z',
  },
  {
    what: 'an object with toJSON',
    value: { a: 1, toJSON: throwing },
    json: { a: 1, toJSON: '[Function: throwing]' },
    line: '{ a: 1, toJSON: [Function: throwing] }',
  },
  {
    what: 'an object without a prototype',
    value: Object.assign(Object.create(null) as object, { a: 1 }),
    json: { a: 1 },
    line: '[Object: null prototype] { a: 1 }',
  },
  {
    what: 'a tag that throws',
    value: Object.defineProperty({ a: 1 }, Symbol.toStringTag, { get: throwing }),
    json: { a: 1 },
    line: /^(\[uninspectable: object\]|\{ a: 1 \})$/,
  },
  {
    what: 'a function whose name throws',
    value: Object.defineProperty(() => {}, 'name', { get: throwing }),
    json: '[uninspectable: function]',
    line: '[uninspectable: function]',
  },
  {
    what: 'an error whose name throws',
    value: Object.defineProperty(new Error(''), 'name', { get: throwing }),
    json: '[an error without a message]',
    line: '[an error without a message]',
  },
  { what: 'a proxy of an error', value: new Proxy(new Error('own'), {}), json: 'own', line: 'own' },
  {
    what: 'what is an error in name only',
    value: Object.create(Error.prototype),
    json: 'Error',
    line: 'Error',
  },
  {
    what: 'an error with a cause that is none',
    value: new Error('own', { cause: 5 }),
    json: 'own',
    sources: ['5'],
    line: 'own value.sources=[5]',
  },
  { what: 'a boxed text', value: Object('x'), json: "[String: 'x']", line: "[String: 'x']" },
  {
    what: 'holes',
    value: Object.assign(['a'], { length: 3 }),
    json: ['a', null, null],
    line: "[ 'a', <2 empty items> ]",
  },
  {
    what: 'a name of the prototype',
    value: JSON.parse('{"__proto__":{"a":1}}') as unknown,
    json: JSON.parse('{"__proto__":{"a":1}}') as unknown,
    line: "{ ['__proto__']: { a: 1 } }",
  },
  {
    what: '100,000 levels',
    value: nested(100_000),
    json: [[[['[Array]']]]],
    line: '[ [ [ [ [Array] ] ] ] ]',
  },
  { what: 'not a number', value: NaN, json: 'NaN', line: 'NaN' },
  { what: 'infinity', value: Infinity, json: 'inf', line: 'inf' },
  { what: 'negative infinity', value: -Infinity, json: '-inf', line: '-inf' },
  { what: 'negative zero', value: -0, json: 0, line: '0' },
  { what: 'a bigint', value: 2n ** 64n, json: '18446744073709551616', line: '18446744073709551616' },
  { what: 'numbers inside', value: [NaN, 1n, -Infinity], json: ['NaN', '1', '-inf'], line: /NaN/ },
  { what: 'undefined inside', value: [undefined, { a: undefined }], json: [null, {}], line: /undefined/ },
  { what: 'null', value: null, json: null, line: 'null' },
  {
    what: 'depths',
    value: { a: { b: { c: { d: { e: 1 } } } } },
    json: { a: { b: { c: { d: '[Object]' } } } },
    line: '{ a: { b: { c: { d: [Object] } } } }',
  },
];

function deepGetter(): object {
  const deep = { b: 1 };
  Object.defineProperty(deep, 'a', { get: throwing, enumerable: true });
  return { deep };
}
