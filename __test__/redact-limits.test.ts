import { runInNewContext } from 'node:vm';
import test from 'ava';
import { Fields } from '../src/tracing/fields.ts';
import { Redactor } from '../src/tracing/redactor.ts';
import { isSecretByWords } from '../src/tracing/secret-name.ts';
import { seen } from './helpers/redacted.ts';

const SECRET = { password: 's3cret' };
const REDACTED = { password: '[redacted]' };

/** A value in so many objects: the outermost is the first level. */
function nestedIn(levels: number, value: unknown): unknown {
  return Array.from({ length: levels }).reduce<unknown>((inner) => ({ inner }), value);
}

/** A list of so many objects, itself among them, whose last one holds a secret. */
function objects(count: number): object[] {
  return [...Array.from({ length: count - 2 }, () => ({})), { ...SECRET }];
}

test('twenty levels are looked through, what lies deeper is named by its kind', (t) => {
  t.deepEqual(seen({ deep: nestedIn(19, SECRET) }), { deep: nestedIn(19, REDACTED) });
  t.deepEqual(seen({ deep: nestedIn(20, SECRET) }), { deep: nestedIn(20, '[Object]') });
  t.deepEqual(seen({ deep: nestedIn(20, [SECRET]) }), { deep: nestedIn(20, '[Array]') });
  t.deepEqual(seen({ deep: nestedIn(20, new Map([['token', 's']])) }), { deep: nestedIn(20, '[Object]') });
});

test('10,000 objects of a value are looked through, of one more nothing is passed on', (t) => {
  const fields = seen({ most: objects(10_000), more: objects(10_001), small: SECRET });
  t.deepEqual((fields['most'] as object[]).at(-1), REDACTED);
  t.is((fields['most'] as object[]).length, 9_999);
  t.is(fields['more'], '[unreadable]');
  t.deepEqual(fields['small'], REDACTED);
});

test('100,000 members of a value are looked through, of one more nothing is passed on', (t) => {
  const texts = (count: number): string[] => Array.from({ length: count }, () => 'text');
  const fields = seen({
    // Three members are those of the objects.
    most: { held: SECRET, texts: texts(99_997) },
    more: { held: SECRET, texts: texts(99_998) },
    small: SECRET,
  });
  t.deepEqual((fields['most'] as { held: object }).held, REDACTED);
  t.is((fields['most'] as { texts: string[] }).texts.length, 99_997);
  t.is(fields['more'], '[unreadable]');
  t.deepEqual(fields['small'], REDACTED);
});

test('of all values of an event four times as much is looked through', (t) => {
  const texts = Array.from({ length: 90_000 }, () => 'text');
  for (const value of [() => objects(9_000), () => [{ texts }, SECRET]]) {
    const fields = seen({ a: value(), b: value(), c: value(), d: value(), e: value() });
    for (const name of ['a', 'b', 'c', 'd']) t.deepEqual((fields[name] as object[]).at(-1), REDACTED, name);
    t.is(fields['e'], '[unreadable]');
  }
});

test('raw headers are looked through up to 256 texts', (t) => {
  const headers = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 'cookie' : 's3cret'));
  const shown = headers(256).map((text) => (text === 's3cret' ? '[redacted]' : text));
  t.deepEqual(seen({ rawHeaders: headers(256) }), { rawHeaders: shown });
  t.deepEqual(seen({ rawHeaders: headers(258) }), { rawHeaders: '[unreadable]' });
});

test('of a long name the last 512 characters decide, and what they can not tell is not shown', (t) => {
  t.false(isSecretByWords(`user${'_value'.repeat(80)}`), '484 characters');
  t.true(isSecretByWords(`user${'_value'.repeat(90)}`), '544 characters');
  t.false(isSecretByWords(`${'_value'.repeat(90)}_user`));
  // A word that is cut: what is left of it is as long as the longest word that is looked for, or shorter.
  const cut = (letters: number): string => {
    const forms = '_value'.repeat(82);
    const rest = '_'.repeat(512 - forms.length - letters);
    return `${'u'.repeat(100 + letters)}${forms}${rest}`;
  };
  t.false(isSecretByWords(cut(16)));
  t.true(isSecretByWords(cut(15)));
});

test('a name of 300 characters is neither cut nor a reason for a copy, and one of 1,025 bytes is cut', (t) => {
  const name = 'n'.repeat(300);
  const given = { [name]: 1, inner: { when: new Date(0) } };
  t.is(seen({ given })['given'], given);
  t.deepEqual(seen({ [name]: 1 }), { [name]: 1 });
  const long = 'n'.repeat(1025);
  const cut = `${'n'.repeat(1024)}… [+1 bytes]`;
  t.deepEqual(seen({ [long]: 1, inner: { [long]: 1, ...SECRET } }), {
    [cut]: 1,
    inner: { [cut]: 1, ...REDACTED },
  });
});

test('a long key of a Map is not cut, for two could become one', (t) => {
  const key = 'k'.repeat(2000);
  const map = seen({
    map: new Map<string, unknown>([
      [key, 1],
      ['token', 's'],
    ]),
  })['map'];
  t.deepEqual(
    [...(map as Map<string, unknown>)],
    [
      [key, 1],
      ['token', '[redacted]'],
    ],
  );
});

test('an object with too much in it is passed on to nobody, wherever in it that is', (t) => {
  const wide = Object.fromEntries(Array.from({ length: 100_001 }, (_, i) => [`k${i}`, 1]));
  t.deepEqual(seen({ holder: { deep: { wide } }, other: { wide: 1 } }), {
    holder: '[unreadable]',
    other: { wide: 1 },
  });
});

test('a name is as secret the second time as the first', (t) => {
  const redactor = new Redactor(['pin']);
  for (let time = 0; time < 3; time++) {
    for (const name of ['password', 'pin', 'card.pin', '.pin', 'adminPassword', 'token']) {
      const fields = new Fields([name], ['s3cret']);
      redactor.apply(fields);
      t.deepEqual(fields.values, ['[redacted]'], name);
    }
    for (const name of ['user', 'opinion', 'pin.code', 'a.pi']) t.false(redactor.isSecret(name), name);
  }
});

test('what is told of one value without a name is redacted like a field', (t) => {
  const redactor = new Redactor();
  t.deepEqual(redactor.redacted({ a: SECRET }), { a: REDACTED });
  t.is(redactor.redacted('password=s3cret'), 'password=s3cret');
  t.is(redactor.redacted(undefined), undefined);
  const error = new Error('text');
  t.is(redactor.redacted(error), error);
  const plain = { user: 'alice' };
  t.is(redactor.redacted(plain), plain);
});

test('the same object is redacted by where it stands, and so is the same list', (t) => {
  const user = { pin: 's3cret', code: 's3cret' };
  t.deepEqual(seen({ f: { a: user, b: user } }, { redact: ['f.a.pin', 'f.b.code'] }), {
    f: { a: { pin: '[redacted]', code: 's3cret' }, b: { pin: 's3cret', code: '[redacted]' } },
  });
  const list = ['cookie', 'text'];
  const shown = ['cookie', '[redacted]'];
  t.deepEqual(seen({ f: { names: list, rawHeaders: list } }), { f: { names: list, rawHeaders: shown } });
  t.deepEqual(seen({ f: { rawHeaders: list, names: list } }), { f: { rawHeaders: shown, names: list } });
});

test('a copy inherits what its original inherits, and owns nothing more', (t) => {
  class Disk {
    declare kind: string;
    size = 5;
    token = 's3cret';
  }
  Disk.prototype.kind = 'disk';
  const { disk } = seen({ disk: new Disk() }) as { disk: Disk };
  t.deepEqual(Object.entries(disk), [
    ['size', 5],
    ['token', '[redacted]'],
  ]);
  t.is(disk.kind, 'disk');
});

test('a copy does not print by the code of its class, which may still be replaced', (t) => {
  class Printing {
    user = 'alice';
    toJSON(): unknown {
      return 's3cret';
    }
  }
  const { value } = seen({ value: new Printing() }) as { value: { toJSON?: unknown } };
  t.is(value.toJSON, undefined);
  t.deepEqual(Object.keys(value), ['user']);
  value.toJSON = () => 'own';
  t.is(JSON.stringify(value), '"own"');
  delete value.toJSON;
  t.false(Object.hasOwn(value, 'toJSON'));
});

test('what a getter or a proxy shows is copied with all that holds it', (t) => {
  let readings = 0;
  const deep = {
    get count() {
      return ++readings;
    },
  };
  const given = { plain: { a: 1 }, list: [deep], proxy: new Proxy({ b: 2 }, {}) };
  const fields = seen({ given }) as { given: typeof given };
  t.deepEqual(fields.given, { plain: { a: 1 }, list: [{ count: 1 }], proxy: { b: 2 } });
  t.is(readings, 1);
  t.not(fields.given, given);
});

test('keys of a Map that are objects are redacted like values, by the paths to any member', (t) => {
  const key = { pin: 's3cret', user: 'alice' };
  const map = seen({ m: new Map([[key, 1]]) }, { redact: ['m.*.pin'] })['m'] as Map<object, number>;
  t.deepEqual([...map.keys()], [{ pin: '[redacted]', user: 'alice' }]);
  const foreign = runInNewContext(`new Map([[{ password: 's3cret' }, 1]])`) as Map<object, number>;
  const copy = seen({ m: foreign })['m'] as Map<object, number>;
  t.deepEqual([...copy.keys()], [REDACTED]);
});
