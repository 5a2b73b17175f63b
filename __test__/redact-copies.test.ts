import { inspect, types } from 'node:util';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { seen } from './helpers/redacted.ts';

const SECRET = 's3cret';

class Disk {
  size = 5;
  get free(): number {
    throw new Error('nobody asks');
  }
  format(): string {
    return 'no';
  }
}
class Failure extends Error {
  override readonly name = 'Failure';
  code = 'EIO';
}
const sparse: unknown[] = [1];
sparse[3] = 'x';

/** Values of each kind, made anew each time. */
const KINDS: Record<string, () => object> = {
  'an object': () => ({ a: 1, b: 'text', c: null, d: undefined, e: 5n, f: true }),
  'an object without a prototype': () => Object.assign(Object.create(null) as object, { a: 1 }),
  'an instance of a class': () => new Disk(),
  'an array': () => [1, 'x', null, undefined],
  'an array with holes': () => Object.assign([], sparse),
  'an array of a class': () => Object.assign(new (class List extends Array<unknown> {})(), ['a', 'b']),
  'an empty array': () => [],
  'an Error': () => new TypeError('text'),
  'an Error with a cause': () => new Error('text', { cause: new Error('why') }),
  'an Error of a class': () => new Failure('text'),
  'an AggregateError': () => new AggregateError([new Error('one')], 'all'),
  'a date': () => new Date(5),
  'a regular expression': () => /a+/gi,
  'a boxed text': () => Object('text') as object,
  'a boxed number': () => Object(5) as object,
  'a boxed boolean': () => Object(false) as object,
  'a boxed bigint': () => Object(5n) as object,
  'a boxed symbol': () => Object(Symbol.iterator) as object,
  bytes: () => new Uint8Array([1, 2, 3]),
  'a Buffer': () => Buffer.from('abc'),
  numbers: () => new Float64Array([0.5, 1.5]),
  'bytes in the middle of others': () => new Uint8Array(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
};

/** Properties with how they may be used, without the secret. */
function propertiesOf(value: object): Record<PropertyKey, PropertyDescriptor> {
  const { password: _, ...others } = Object.getOwnPropertyDescriptors(value) as Record<
    PropertyKey,
    PropertyDescriptor
  >;
  // An own copy of a stack is a text as well.
  if (value instanceof Error) delete others['stack'];
  return others;
}

for (const [what, make] of Object.entries(KINDS)) {
  test(`a copy of ${what} is one of its kind, and differs by the secret alone`, (t) => {
    const given = Object.assign(make(), { password: SECRET });
    const { value } = seen({ value: given }) as { value: typeof given };
    t.not(value, given);
    t.is(value.password, '[redacted]');
    t.is(given.password, SECRET);
    t.is(Object.getPrototypeOf(value), Object.getPrototypeOf(given));
    t.deepEqual(propertiesOf(value), propertiesOf(given));
    t.is(Array.isArray(value), Array.isArray(given));
    t.is(types.isBoxedPrimitive(value), types.isBoxedPrimitive(given));
    t.is(inspect(value).replace('[redacted]', SECRET), inspect(given));
    if (given instanceof Error) t.is((value as unknown as Error).stack, given.stack);
  });
}

test('a copy of a Map or a Set has its entries in their order', (t) => {
  const inner = { password: SECRET, a: 1 };
  const map = new Map<unknown, unknown>([
    ['z', 1],
    ['inner', inner],
    [2, 'two'],
    [null, undefined],
  ]);
  const set = new Set<unknown>(['z', inner, 2, null, undefined]);
  const fields = seen({ map, set }) as { map: typeof map; set: typeof set };
  const copy = { password: '[redacted]', a: 1 };
  t.true(types.isMap(fields.map) && types.isSet(fields.set));
  t.deepEqual(
    [...fields.map],
    [
      ['z', 1],
      ['inner', copy],
      [2, 'two'],
      [null, undefined],
    ],
  );
  t.deepEqual([...fields.set], ['z', copy, 2, null, undefined]);
  t.is(map.get('inner'), inner);
  t.true(set.has(inner));
});

test('what an error has as its stack is a property like any other of a Map or a Set', (t) => {
  const own = { password: SECRET, stack: 'lower' };
  const given = { map: Object.assign(new Map(), own), set: Object.assign(new Set(), own) };
  const { map, set } = seen(given) as typeof given;
  const copy = { password: '[redacted]', stack: 'lower' };
  t.deepEqual([{ ...map }, { ...set }], [copy, copy]);
});

test('a property that nobody sees in a list of properties stays so', (t) => {
  const given = Object.defineProperties(
    { password: SECRET },
    {
      hidden: { value: 1, enumerable: false },
      [Symbol('tag')]: { value: 2, enumerable: true },
      fixed: { value: 3, enumerable: true, writable: false },
    },
  );
  const { given: copy } = seen({ given }) as { given: object };
  t.deepEqual(Object.keys(copy), ['password', 'fixed']);
  t.is((copy as { hidden?: number }).hidden, 1);
  t.deepEqual(
    Object.getOwnPropertySymbols(copy).map(({ description }) => description),
    ['tag'],
  );
});

test('a copy of a function has its name and properties, and does nothing', (t) => {
  let calls = 0;
  const count = (): void => void calls++;
  const act = Object.assign(count, { password: SECRET, retries: 3 });
  const { act: copy } = seen({ act }) as unknown as { act: typeof act };
  t.is(typeof copy, 'function');
  t.deepEqual([copy.name, copy.retries, copy.password], ['count', 3, '[redacted]']);
  copy();
  t.is(calls, 0);
  const { act: proxied } = seen({ act: new Proxy(act, {}) }) as unknown as { act: typeof act };
  t.is(typeof proxied, 'function');
  t.deepEqual(Object.keys(proxied), [], 'of a proxy of one nothing is read');
});

test('a copy of a class has what is not secret of the class that it extends, but not that class', (t) => {
  class Base {
    static password = SECRET;
    static retries = { most: 3 };
  }
  const { given: copy } = seen({ given: class extends Base {} }) as unknown as { given: typeof Base };
  t.is(Object.getPrototypeOf(copy), Function.prototype);
  t.deepEqual([copy.password, copy.retries], ['[redacted]', { most: 3 }]);
});

test('a long array is copied item by item, with its holes, and without other properties', (t) => {
  const long: unknown[] = Array.from({ length: 300 }, (_, i) => i);
  long[5] = { password: SECRET };
  delete long[7];
  long[8] = undefined;
  const given = Object.assign(long, { extra: SECRET });
  const { given: copy } = seen({ given }) as { given: unknown[] };
  t.is(copy.length, 300);
  t.deepEqual(copy[5], { password: '[redacted]' });
  t.deepEqual([7 in copy, 8 in copy], [false, true]);
  t.is(copy[299], 299);
  t.false('extra' in copy);
  const short = Array.from({ length: 256 }, (_, i) => i);
  t.is(seen({ short })['short'], short, 'one of 256 items is looked through as it is');
});

test('what many bytes or characters have besides is left out', (t) => {
  for (const large of [Buffer.alloc(300, 'x'), Object('x'.repeat(300)) as object]) {
    const given = Object.assign(large, { password: SECRET });
    const { given: copy } = seen({ given }) as unknown as { given: Record<string, unknown> & Buffer };
    t.false('password' in copy);
    t.is(copy.length, 300);
    t.is(`${copy}`, 'x'.repeat(300));
  }
});

test('of an Error stays what it is told by, though a getter tells it or its class does', (t) => {
  class Told extends Error {
    override get message(): string {
      return 'told';
    }
    get code(): string {
      return 'ETOLD';
    }
    get other(): string {
      throw new Error('nobody asks');
    }
  }
  const given = Object.assign(new Told(), { password: SECRET });
  const { given: copy } = seen({ given }) as unknown as { given: Told };
  t.true(copy instanceof Told);
  t.like(copy, { message: 'told', code: 'ETOLD', password: '[redacted]' });
  const dumb = Object.defineProperties(new Error('x'), {
    message: {
      get: () => {
        throw new Error('no');
      },
    },
    password: { value: SECRET, enumerable: true },
  });
  const { dumb: silent } = seen({ dumb }) as unknown as { dumb: Error };
  t.is(silent.message, null as never);
});

test('a proxy is read once, and a copy of what it showed is passed on', (t) => {
  const asked: string[] = [];
  const shown = new Proxy(
    { a: 1, password: SECRET },
    {
      get: (target, key) => (asked.push(String(key)), Reflect.get(target, key) as unknown),
    },
  );
  const { shown: copy } = seen({ shown }) as { shown: object };
  t.deepEqual(copy, { a: 1, password: '[redacted]' });
  t.false(types.isProxy(copy));
  t.deepEqual(
    asked.filter((key) => key === 'a' || key === 'password'),
    ['a', 'password'],
  );
  const list = new Proxy(Object.assign([1], { 2: { token: SECRET } }), {});
  const { list: items } = seen({ list }) as unknown as { list: unknown[] };
  t.deepEqual([items.length, items[0], 1 in items, items[2]], [3, 1, false, { token: '[redacted]' }]);
  const error = new Proxy(new RangeError('text'), {});
  const { error: told } = seen({ error }) as unknown as { error: Error };
  t.true(told instanceof RangeError);
  t.is(told.message, 'text');
});

test('what promises, iterators and weak collections hold is not looked for', (t) => {
  const list = [1, 2];
  const fields = seen({
    promise: Promise.resolve(SECRET),
    iterator: new Map([['a', 1]]).entries(),
    items: new Set([1]).values(),
    weak: new WeakMap(),
    weakSet: new WeakSet(),
    ref: new WeakRef(list),
  });
  const { promise, ...others } = fields;
  t.is(promise, '[object Promise]');
  for (const [name, value] of Object.entries(others)) t.is(value, '[object Object]', name);
});

test('a value with a getter and a regular expression is told whole', (t) => {
  const value = {
    get a() {
      return 1;
    },
    pattern: /x/g,
    list: [/y/],
  };
  t.deepEqual(seen({ value }), { value: { a: 1, pattern: /x/g, list: [/y/] } });
});

test('code of another realm makes no difference', (t) => {
  const values = runInNewContext(`[
    new Date(5), /a/g, new Error('text'), [1, 2], new Map([['a', 1]]), new Set([1]), { a: 1 }, new Uint8Array([1]),
  ].map((value) => Object.assign(value, { password: 's3cret' }))`) as object[];
  for (const given of values) {
    const { given: copy } = seen({ given }) as { given: object };
    t.is(inspect(copy).replace('[redacted]', SECRET), inspect(given));
    t.is((copy as { password?: string }).password, '[redacted]');
  }
});

test('prototypes without end, or with a proxy among them, are cut off', (t) => {
  let deep: object = { password: SECRET, bottom: 1 };
  for (let i = 0; i < 60; i++) deep = Object.create(deep) as object;
  const { near } = seen({ near: deep }) as unknown as { near: { bottom: number; password: string } };
  t.is(near.bottom, 1);
  t.is(near.password, '[redacted]');
  for (let i = 0; i < 10; i++) deep = Object.create(deep) as object;
  const { far } = seen({ far: deep }) as { far: object };
  t.is(Object.getPrototypeOf(far), Object.prototype);
  const behind = Object.assign(Object.create(new Proxy({ password: SECRET }, {})) as object, { a: 1 });
  const { cut } = seen({ cut: behind }) as { cut: object };
  t.is(Object.getPrototypeOf(cut), Object.prototype);
  t.deepEqual(cut, { a: 1 });
});
