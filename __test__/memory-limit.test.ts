import { spawnSync } from 'node:child_process';
import { statSync, truncateSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { chooseBackend } from '../src/pool/binding.ts';
import { READ_MAX, RECORD_SIZE } from '../src/pool/limits.ts';
import { flockMissing } from './helpers/lock-holder.ts';
import { has, poolOf } from './helpers/pool-folder.ts';
import { onBuilt, ROOT } from './helpers/programs.ts';

const isNative = chooseBackend() === 'native';
const missing =
  spawnSync('prlimit', ['--version']).status === 0
    ? undefined
    : 'the program prlimit can not be run (Debian: apt-get install util-linux)';

/** The largest pool, which costs the disk nothing. */
const LARGE = READ_MAX - (READ_MAX % RECORD_SIZE);

/** A program that gives itself `room` bytes of memory beyond what it has. */
const LIMIT = `
  import { spawnSync } from 'node:child_process';
  import { readFileSync } from 'node:fs';
  import { pbkdf2 } from 'node:crypto';
  import { promisify } from 'node:util';
  import { initializeTracing, openPool, EmitKVPLayer } from 'kvp-tracing';
  const path = process.argv[1];
  // Each thread of the pool has memory of its own, which it takes when it is first used.
  await Promise.all(Array.from({ length: 8 }, () => promisify(pbkdf2)('', '', 20_000, 8, 'sha1')));
  function limit(room) {
    const [, size] = /VmSize:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
    const most = String(Number(size) * 1024 + room);
    const { status } = spawnSync('prlimit', ['--pid', String(process.pid), '--as=' + most + ':' + most]);
    if (status !== 0) throw new Error('prlimit');
  }
  const say = (...what) => console.log(JSON.stringify(what));
  const told = ({ code, name, path, message }) => ({ code, name, path, message });
  async function attempt(operation, act) {
    try {
      await act();
      say(operation, 'done');
    } catch (error) {
      say(operation, told(error));
    }
  }
`;

/** What a program under a limit says; fails if it did not live to its end. */
function heard(t: ExecutionContext, path: string, program: string): unknown[] {
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, onBuilt(LIMIT + program, path), {
    cwd: ROOT,
    encoding: 'utf8',
  });
  t.deepEqual([status, signal], [0, null], stderr);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

function refused(path: string, what: string, bytes: number, remedy: string) {
  const message = `${bytes} bytes of memory for ${what} of ${path} were refused; ${remedy}, or raise the memory limit of the process`;
  return { code: 'ERR_KVP_NO_MEMORY', name: 'NoMemoryError', path, message };
}

test('a pool for which there is no memory is an error of each operation, and of its sync form', (t) => {
  if (!has(t, missing) || !has(t, isNative ? undefined : flockMissing)) return;
  const path = poolOf(t);
  writeFileSync(path, 'first');
  truncateSync(path, LARGE);
  const program = `
    const store = openPool(path);
    limit(100 * 2 ** 20);
    for (const [name, ...given] of [['set', 'key', 'value'], ['get', 'key'], ['delete', 'key'], ['repair'], ['dump'], ['inspect']]) {
      await attempt(name, () => store[name](...given));
      await attempt(name, () => store[name + 'Sync'](...given));
    }
    await attempt('append', () => store.append('key', 'value'));`;
  const expected = ['set', 'get', 'delete', 'repair', 'dump', 'inspect'].flatMap((name) => {
    const outcome = [name, refused(path, 'the contents', LARGE, 'empty the pool')];
    return [outcome, outcome];
  });
  t.deepEqual(heard(t, path, program), [...expected, ['append', 'done']]);
  t.is(statSync(path).size, LARGE + RECORD_SIZE);
});

test('a change for which there is no memory beside the pool is an error, and the pool stays', (t) => {
  if (!has(t, missing) || !has(t, isNative ? undefined : flockMissing)) return;
  const path = poolOf(t);
  const size = 50_000 * RECORD_SIZE;
  writeFileSync(path, 'first');
  truncateSync(path, size);
  const program = `
    const store = openPool(path);
    limit(220 * 2 ** 20);
    await attempt('delete', () => store.deleteSync('first'));`;
  t.like(heard(t, path, program)[0], ['delete', { code: 'ERR_KVP_NO_MEMORY', name: 'NoMemoryError', path }]);
  t.is(statSync(path).size, size);
});

test('records for which there is no memory are an error, and the pool stays', (t) => {
  if (!has(t, missing)) return;
  const path = poolOf(t);
  const program = `
    const store = openPool(path);
    store.appendSync('key', 'value');
    const records = Array.from({ length: 150_000 }, () => ({ key: 'k', value: 'v' }));
    limit(150 * 2 ** 20);
    for (const name of ['append', 'load']) {
      await attempt(name, () => store[name](records));
      await attempt(name, () => store[name + 'Sync'](records));
    }
    say(store.dumpSync());`;
  const bytes = 150_000 * RECORD_SIZE;
  const outcome = refused(path, 'the records', bytes, 'give fewer at once');
  t.deepEqual(heard(t, path, program), [
    ['append', outcome],
    ['append', outcome],
    ['load', outcome],
    ['load', outcome],
    [[{ key: 'key', value: 'value' }]],
  ]);
});

test('a report into a pool for which there is no memory says so, and the program goes on', (t) => {
  if (!has(t, missing) || !has(t, isNative ? undefined : flockMissing)) return;
  const path = poolOf(t);
  writeFileSync(path, 'first');
  truncateSync(path, LARGE);
  const program = `
    const tracing = await initializeTracing({
      service: 'agent', version: '1', stderr: false, opentelemetry: false,
      kvp: { path, vmId: 'vm', maxRecords: 200_000 },
      onProblem: ({ code }) => say('problem', code),
    });
    limit(100 * 2 ** 20);
    const { written, error } = await tracing.reportSuccess();
    say(written, told(error));
    await tracing.shutdown();
    say('ended');`;
  const lines = heard(t, path, program);
  t.deepEqual(lines.at(-1), ['ended']);
  t.deepEqual(
    lines.find((line) => (line as unknown[])[0] === false),
    [false, refused(path, 'the contents', LARGE, 'empty the pool')],
  );
});

test('a queue for which there is no memory is an error where it is made, and a problem of a setup', (t) => {
  if (!has(t, missing)) return;
  const path = poolOf(t);
  const program = `
    const queueBytes = 2 ** 31 - 1;
    limit(300 * 2 ** 20);
    await attempt('layer', () => new EmitKVPLayer({ path, vmId: 'vm', queueBytes }).close?.());
    const tracing = await initializeTracing({
      service: 'agent', version: '1', stderr: false, opentelemetry: false,
      kvp: { path, vmId: 'vm', queueBytes },
      onProblem: (error) => say('problem', told(error.cause ?? error)),
    });
    await tracing.shutdown();
    say('ended');`;
  const lines = heard(t, path, program);
  // The fallback's queue takes no more memory than what is in it.
  const outcome = refused(path, 'the queue', 2 ** 31, 'lower queueBytes');
  const said = { ...outcome, message: `kvp is left out: ${outcome.message}` };
  const expected = isNative
    ? [
        ['layer', outcome],
        ['problem', said],
      ]
    : [['layer', 'done']];
  t.deepEqual(lines, [...expected, ['ended']]);
});
