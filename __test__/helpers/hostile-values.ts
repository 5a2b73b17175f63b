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
    line: /Getter/,
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
