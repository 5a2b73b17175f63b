import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import type * as Binding from '../binding.d.cts';
import * as errors from '../src/errors.ts';
import { chooseBackend, nativeCore } from '../src/pool/binding.ts';
import { openPool } from '../src/pool/open-pool.ts';
import type { PoolStore } from '../src/pool/pool-store.ts';
import type { StoreOptions } from '../src/pool/store-options.ts';
import { bytesOf } from './helpers/diag-records.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';
import { written } from './helpers/programs.ts';
import { FORMS, type Form, type Operation, run } from './helpers/store-forms.ts';

const isNative = chooseBackend() === 'native';

/** Every operation with something to do, and whether it changes the pool. */
const OPERATIONS: [operation: Operation, given: unknown[], changes: boolean][] = [
  ['append', ['a', '1'], true],
  ['append', [[{ key: 'a', value: '1' }]], true],
  ['set', ['a', '1'], true],
  ['delete', ['a'], true],
  ['load', [[]], true],
  ['clear', [], true],
  ['clearIfStale', [], true],
  ['repair', [], true],
  ['get', ['a'], false],
  ['records', [], false],
  ['entries', [], false],
  ['dump', [], false],
  ['inspect', [], false],
  ['isStale', [], false],
];

/** What a caller from JavaScript might do. */
function call(store: PoolStore, form: Form, operation: Operation, ...given: unknown[]): Promise<unknown> {
  return run(store, form, operation as 'append', ...(given as [never]));
}

const LIMITS: [limits: 'safe' | 'wire', key: number, value: number][] = [
  ['safe', 254, 1022],
  ['wire', 511, 2047],
];

for (const form of FORMS) {
  for (const [limits, key, value] of LIMITS) {
    test(`keys and values are as long as ${limits} limits say, counted in UTF-8 (${form})`, async (t) => {
      const path = poolOf(t);
      const store = openPool(path, { limits });
      const long = (bytes: number) => 'é'.repeat(bytes / 2) + 'x'.repeat(bytes % 2);
      for (const operation of ['append', 'set'] as const) {
        await t.throwsAsync(run(store, form, operation, long(key + 1), ''), {
          instanceOf: errors.KeyTooLongError,
          code: 'ERR_KVP_KEY_TOO_LONG',
          message: `KVP key length (${key + 1}) exceeds maximum (${key})`,
        });
        await t.throwsAsync(run(store, form, operation, 'k', long(value + 1)), {
          instanceOf: errors.ValueTooLongError,
          code: 'ERR_KVP_VALUE_TOO_LONG',
          message: `KVP value length (${value + 1}) exceeds maximum (${value})`,
        });
      }
      t.false(existsSync(path));
      await run(store, form, 'append', long(key), long(value));
      await run(store, form, 'set', 'x'.repeat(key), 'y'.repeat(value));
      const pool = bytesOf([long(key), long(value)], ['x'.repeat(key), 'y'.repeat(value)]);
      t.deepEqual(readFileSync(path), pool);
      t.is(await run(store, form, 'get', long(key)), long(value));
    });
  }

  test(`what can not be a record is refused with its place, before there is a file (${form})`, async (t) => {
    const path = poolOf(t);
    const store = openPool(path);
    const option = { instanceOf: errors.OptionError, code: 'ERR_KVP_INVALID_OPTION' };
    const empty = { instanceOf: errors.EmptyKeyError, code: 'ERR_KVP_EMPTY_KEY' };
    const nul = { instanceOf: errors.NulError, code: 'ERR_KVP_NUL' };
    const good = { key: 'a', value: '1' };
    const cases: [operation: Operation, given: unknown[], error: object, message: string][] = [
      ['append', ['', '1'], empty, 'KVP key must not be empty'],
      ['set', ['a\0', '1'], nul, 'KVP key must not contain NUL'],
      ['set', ['a', '\0'], nul, 'KVP value must not contain NUL'],
      ['append', [[good, { key: 'a', value: '\0' }]], nul, 'KVP value must not contain NUL (record 1)'],
      [
        'load',
        [[good, { key: 'k'.repeat(300), value: '' }]],
        {},
        'KVP key length (300) exceeds maximum (254) (record 1)',
      ],
      ['append', ['a', undefined], option, 'value must be a text, not undefined'],
      ['append', ['a', Buffer.from('1')], option, 'value must be a text, not an object'],
      ['set', [Symbol('s'), '1'], option, 'key must be a text, not Symbol(s)'],
      ['append', [[['a', '1']]], option, 'key must be a text, not undefined'],
      ['append', [[null]], option, 'key must be a text, not undefined'],
      ['append', ['a'], option, 'records must be an iterable of records, not "a"'],
      ['append', [null], option, 'records must be an iterable of records, not null'],
      ['load', [{ [Symbol.iterator]: 5 }], option, 'records must be an iterable of records, not an object'],
      ['load', [store.records()], option, 'records must be an iterable of records, not an object'],
      ['delete', [5], option, 'keys must be a text or an iterable of texts, not 5'],
      ['delete', [undefined], option, 'keys must be a text or an iterable of texts, not undefined'],
      ['delete', [['a', 5]], option, 'key must be a text, not 5'],
      ['delete', [['a', '']], empty, 'KVP key must not be empty'],
      ['get', [5], option, 'key must be a text, not 5'],
      ['get', [''], empty, 'KVP key must not be empty'],
      ['get', ['k'.repeat(512)], {}, 'KVP key length (512) exceeds maximum (511)'],
    ];
    for (const [operation, given, error, message] of cases) {
      await t.throwsAsync(call(store, form, operation, ...given), { ...error, message }, message);
    }
    t.false(existsSync(path));
  });

  test(`what the caller's own getters and iterators throw is thrown on (${form})`, async (t) => {
    const path = poolOf(t);
    const store = openPool(path);
    const own = new Error('own');
    const throwing = () => {
      throw own;
    };
    const record = Object.defineProperty({ value: '1' }, 'key', { get: throwing });
    let reads = 0;
    const changing = Object.defineProperty({ value: '1' }, 'key', { get: () => `key ${reads++}` });
    const iterators = [{ [Symbol.iterator]: throwing }, new Proxy([], { get: throwing })];
    for (const given of [[record], ...iterators]) {
      t.is(await t.throwsAsync(call(store, form, 'append', given)), own);
    }
    for (const given of iterators) t.is(await t.throwsAsync(call(store, form, 'delete', given)), own);
    await call(store, form, 'append', [changing]);
    t.deepEqual(readFileSync(path), bytesOf(['key 0', '1']));
  });

  test(`a closed store refuses everything, and may be closed again (${form})`, async (t) => {
    const path = poolOf(t);
    const store = openPool(path);
    await call(store, form, 'append', 'a', '1');
    store.close();
    store.close();
    store[Symbol.dispose]();
    const closed = {
      code: 'ERR_KVP_CLOSED',
      message: `the store of ${path} is closed; wait for what was begun before close()`,
    };
    for (const [operation, given] of OPERATIONS) {
      const error = await t.throwsAsync(call(store, form, operation, ...given), closed, operation);
      t.true(error instanceof errors.ClosedError && error.path === path);
    }
    t.throws(() => store.size, closed);
  });

  test(`a store that only reads changes nothing (${form})`, async (t) => {
    const path = poolOf(t);
    const store = openPool(path, { readOnly: true });
    for (const [operation, given, changes] of OPERATIONS) {
      if (!changes) await t.notThrowsAsync(call(store, form, operation, ...given));
      else {
        const error = await t.throwsAsync(call(store, form, operation, ...given), {
          instanceOf: errors.ReadOnlyError,
          code: 'ERR_KVP_READ_ONLY',
          message: `${path} was opened with readOnly: it can't be changed`,
        });
        t.like(error, { path });
      }
    }
    t.false(existsSync(path));
  });

  test(`what is no regular file is no pool (${form})`, async (t) => {
    const folder = folderOf(t);
    const at = (name: string) => join(folder, name);
    writeFileSync(at('file'), bytesOf(['a', '1']));
    symlinkSync('file', at('link'));
    symlinkSync('nowhere', at('dangling'));
    mkdirSync(at('directory'));
    execFileSync('mkfifo', [at('fifo')]);
    const server = createServer().listen(at('socket'));
    t.teardown(() => server.close());
    await once(server, 'listening');
    const found = [
      [at('link'), 'a symbolic link'],
      [at('dangling'), 'a symbolic link'],
      [at('directory'), 'a directory'],
      [at('fifo'), 'a FIFO'],
      [at('socket'), 'a socket'],
      ['/dev/null', 'a character device'],
    ] as const;
    for (const [path, what] of found) {
      const message = `${path} is ${what}; a pool is a regular file. Give the path of one`;
      const refused = { instanceOf: errors.NotAPoolFileError, code: 'ERR_KVP_NOT_A_POOL_FILE', message };
      const store = openPool(path);
      for (const [operation, given] of OPERATIONS) {
        const error = await t.throwsAsync(call(store, form, operation, ...given), refused, operation);
        t.like(error, { path });
      }
      t.throws(() => store.size, refused);
    }
    const reading = (path: string) => openPool(path, { readOnly: true });
    t.is(await run(reading(at('link')), form, 'get', 'a'), '1');
    t.is(reading(at('link')).size, 1);
    t.is(reading(at('dangling')).size, 0);
    t.deepEqual(await run(reading(at('dangling')), form, 'dump'), []);
    t.deepEqual(await run(reading('/dev/null'), form, 'dump'), []);
    for (const name of ['directory', 'socket']) {
      await t.throwsAsync(run(reading(at(name)), form, 'dump'), { code: 'ERR_KVP_NOT_A_POOL_FILE' });
    }
    t.throws(() => reading(at('fifo')).size, { message: /is a FIFO/ });
  });

  test(`what the system refuses is said alike by both backends (${form})`, async (t) => {
    const file = poolOf(t);
    writeFileSync(file, '');
    const refused = [
      [join(file, 'pool'), 'ENOTDIR', -20, 'not a directory'],
      [join(dirname(file), 'x'.repeat(300)), 'ENAMETOOLONG', -36, 'name too long'],
      [join(dirname(file), 'none', 'pool'), 'ENOENT', -2, 'no such file or directory'],
    ] as const;
    for (const [path, name, errno, text] of refused) {
      const adds = ['append', 'set', 'load'];
      for (const [operation, given] of OPERATIONS) {
        if (name === 'ENOENT' && !adds.includes(operation)) continue;
        const syscall = operation === 'isStale' ? 'lstat' : 'open';
        const message = `cannot ${syscall} ${path}: ${text} (${name})`;
        const error = await t.throwsAsync(call(openPool(path), form, operation, ...given), { message });
        t.true(error instanceof errors.IoError);
        t.like(error, { code: 'ERR_KVP_IO', errno, syscall, path });
      }
    }
  });

  test(`a FIFO keeps its writer until it is read to the end (${form})`, async (t) => {
    const folder = folderOf(t);
    const [pool, fifo] = [join(folder, 'pool'), join(folder, 'fifo')];
    writeFileSync(pool, bytesOf(['a', '1'], ['b', '2']));
    execFileSync('mkfifo', [fifo]);
    for (let round = 0; round < 5; round++) {
      const writer = spawn('sh', ['-c', 'cat "$0" > "$1"', pool, fifo]);
      const ended = once(writer, 'close');
      await new Promise((resolve) => setTimeout(resolve, 30));
      const records = await run(openPool(fifo, { readOnly: true }), form, 'dump');
      t.deepEqual(
        records.map(({ key }) => key),
        ['a', 'b'],
      );
      t.deepEqual(await ended, [0, null]);
    }
  });
}

test('what has no end is given up', (t) => {
  const error = t.throws(() => openPool('/dev/zero', { readOnly: true }).dumpSync());
  t.like(error, { code: 'ERR_KVP_MALFORMED_POOL', path: '/dev/zero' });
});

test('options that can not be are refused, members without a value are not given', (t) => {
  const path = poolOf(t);
  const open = (location: unknown, options?: object) => () =>
    openPool(location as string, options as StoreOptions);
  const cases: [act: () => unknown, message: string][] = [
    [open(path, { limits: 'unsafe' }), "limits must be 'safe' or 'wire', not \"unsafe\""],
    [open(path, { lockTimeout: -1 }), 'lockTimeout must be milliseconds from 0, not -1'],
    [open(path, { lockTimeout: NaN }), 'lockTimeout must be milliseconds from 0, not NaN'],
    [open(path, { lockTimeout: '5' }), 'lockTimeout must be milliseconds from 0, not "5"'],
    [open(path, { maxKeys: 0 }), 'maxKeys must be a whole number from 1, not 0'],
    [open(path, { maxKeys: 1.5 }), 'maxKeys must be a whole number from 1, not 1.5'],
    [open(''), 'path must be a text that is not empty and has no NUL, not ""'],
    [open('a\0b'), 'path must be a text that is not empty and has no NUL, not "a\\u0000b"'],
    [open(null), 'path must be a text that is not empty and has no NUL, not null'],
    [open({ pool: 5 }), 'pool must be a number from 0 to 4, not 5'],
    [open({ pool: 1, dir: null }), 'path must be a text that is not empty and has no NUL, not null'],
  ];
  for (const [act, message] of cases) {
    t.throws(act, { instanceOf: errors.OptionError, code: 'ERR_KVP_INVALID_OPTION', message });
  }
  const undefineds = { limits: undefined, lockTimeout: undefined, maxKeys: undefined, readOnly: undefined };
  t.notThrows(open(path, undefineds));
  t.notThrows(open(path, { lockTimeout: Infinity }));
});

test('a write that the disk has no room for leaves the pool as it was', (t) => {
  const prlimitMissing =
    spawnSync('prlimit', ['--version']).status === 0
      ? undefined
      : 'missing prlimit: apt-get install util-linux';
  if (!has(t, prlimitMissing)) return;
  const path = poolOf(t);
  const before = bytesOf(['a', '1'], ['b', '2'], ['c', '3']);
  writeFileSync(path, before);
  const program = `
    import { openPool } from 'kvp-tracing';
    const store = openPool(${JSON.stringify(path)});
    for (const act of [
      () => store.appendSync('d', '4'),
      () => store.setSync('d', '4'),
      () => store.loadSync(Array.from({ length: 5 }, (_, i) => ({ key: 'x' + i, value: '' }))),
    ]) {
      try { act(); } catch ({ code, syscall, errno }) { console.log(JSON.stringify([code, syscall, errno])); }
    }`;
  const { stdout, stderr } = spawnSync(
    'prlimit',
    ['--fsize=8192', process.execPath, ...written(program, folderOf(t))],
    { encoding: 'utf8' },
  );
  const line = `${JSON.stringify(['ERR_KVP_IO', 'write', -constants.errno.EFBIG])}\n`;
  t.is(stdout, line.repeat(3), stderr);
  t.deepEqual(readFileSync(path), before);
});

test.serial("what the native core reports is of the fallback's classes", (t) => {
  if (!isNative) return t.pass();
  const { Store } = nativeCore();
  const { clear } = Store.prototype;
  t.teardown(() => (Store.prototype.clear = clear));
  const path = poolOf(t);
  const cases: [problem: Partial<Binding.Problem>, error: keyof typeof errors, expected: object][] = [
    [{ code: 'ERR_KVP_IO', message: 'a write stopped' }, 'CutShortError', { message: 'a write stopped' }],
    [{ code: 'ERR_KVP_IO', syscall: 'write', message: 'm' }, 'IoError', { syscall: 'write', message: 'm' }],
    [{ code: 'ERR_KVP_IO', syscall: 'write', errno: 28 }, 'IoError', { errno: -28, syscall: 'write' }],
    [{ code: 'ERR_KVP_NO_LOCK', message: 'm', errno: 37 }, 'NoLockError', { message: 'm' }],
  ];
  for (const [problem, name, expected] of cases) {
    Store.prototype.clear = () => ({
      state: 'failed',
      problem: { message: '', code: '', path, ...problem },
    });
    const error = t.throws(() => openPool(path).clearSync())!;
    t.is(error.name, name);
    t.like(error, { code: problem.code, path, ...expected });
  }
});
