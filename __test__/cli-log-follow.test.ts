import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openPool } from '../src/pool/open-pool.ts';
import { bytesOf, keyOf, payload } from './helpers/diag-records.ts';
import { Following } from './helpers/following.ts';
import { daemonMissing, HypervHost } from './helpers/hyperv-host.ts';
import { namespacesMissing } from './helpers/namespaces.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';
import { ended, ROOT, start } from './helpers/programs.ts';

const PROGRAM = fileURLToPath(new URL('dist/cli/main.cjs', ROOT));

/** An event whose message is also its id. */
function event(message: string): [string, string] {
  return [keyOf({ id: message }), payload(message)];
}

/** The numbers from 0 on, as texts. */
function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i}`);
}

async function wait(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

test('what is in the pool is printed, then what comes, each once and in the order of the file', async (t) => {
  const pool = poolOf(t);
  writeFileSync(pool, bytesOf(event('0'), event('1')));
  const following = new Following(t, pool);
  await following.until(' 1\n');
  for (let i = 2; i < 40; i++) {
    await openPool(pool).append(...event(`${i}`));
    if (i % 10 === 0) await wait(300);
  }
  await following.until(' 39\n');
  t.deepEqual(following.messages(), numbers(40));
  t.is(following.stderr, '');
});

test('with -n and filters the first ones are chosen, later ones by the filters alone', async (t) => {
  const pool = poolOf(t);
  writeFileSync(pool, bytesOf(event('0'), event('1'), event('2')));
  const following = new Following(t, '-n', '1', '--agent', 'agent', pool);
  await following.until(' 2\n');
  const [key, value] = event('other');
  appendFileSync(pool, bytesOf([key.replace('agent/1', 'other/1'), value], event('3'), event('4')));
  await following.until(' 4\n');
  t.deepEqual(following.messages(), ['2', '3', '4']);
});

test('with -n also a pool that is written to, with half a group in it, begins with the last ones', async (t) => {
  const pool = poolOf(t);
  writeFileSync(
    pool,
    bytesOf(event('0'), [keyOf({ id: 'g', chunk: 1 }), 'x'], event('1'), event('2'), event('3')),
  );
  const following = new Following(t, '-q', '-n', '2', pool);
  await following.until(' 3\n');
  appendFileSync(pool, bytesOf(event('4')));
  await following.until(' 4\n');
  t.deepEqual(following.messages(), ['2', '3', '4']);
});

test('a pool and its folder may appear later', async (t) => {
  const folder = join(folderOf(t), 'later');
  const following = new Following(t, '--dir', folder);
  await wait(600);
  mkdirSync(folder);
  await wait(300);
  writeFileSync(join(folder, '.kvp_pool_1'), bytesOf(event('0')));
  await following.until(' 0\n');
  t.deepEqual([following.messages(), following.stderr], [['0'], '']);
});

test('half a record and half a group are waited for', async (t) => {
  const pool = poolOf(t);
  const chunk = (index: number, text: string): [string, string] => [keyOf({ id: 'g', chunk: index }), text];
  const text = payload(`${'x'.repeat(1200)} whole`);
  const whole = bytesOf(event('0'), chunk(0, text.slice(0, 1022)), chunk(1, text.slice(1022)), event('1'));
  writeFileSync(pool, whole.subarray(0, 1000));
  const following = new Following(t, pool);
  for (const end of [2560, 4000, 5120, 6000, 7680, whole.length]) {
    await wait(300);
    appendFileSync(pool, whole.subarray(readFileSync(pool).length, end));
  }
  await following.until(' 1\n');
  t.deepEqual(following.messages(), ['0', 'whole', '1']);
  t.is(following.stderr, '');
});

test("of cloud-init's and azure-init's messages the rest is waited for too", async (t) => {
  const pool = poolOf(t);
  const id = '00000000-0000-4000-8000-000000000001';
  const fragment = (index: number, msg: string): [string, string] => [
    `CLOUD_INIT|1788177600|diagnostic|log|${id}|${index}`,
    JSON.stringify({ name: 'log', type: 'diagnostic', ts: '2026-08-31T12:00:00.000Z', msg_i: index, msg }),
  ];
  const key = `azure-init-0.1.1|vm|INFO|app:work|${id}`;
  const event = `Time: 2026-08-31T12:00:00.000Z | Event: message=${'y'.repeat(1500)} end`;
  const parts = [
    bytesOf(fragment(0, 'z'.repeat(930))),
    bytesOf(fragment(1, 'z end')),
    bytesOf([key, event.slice(0, 1022)]),
    bytesOf([key, event.slice(1022)]),
  ];
  writeFileSync(pool, '');
  const following = new Following(t, '--json', pool);
  for (const part of parts) {
    await wait(400);
    appendFileSync(pool, part);
  }
  await following.until('azure-init-0.1.1');
  const lines = following.stdout.split('\n').slice(0, -1);
  t.deepEqual(
    lines.map((line) => (JSON.parse(line) as { message: string }).message),
    [`${'z'.repeat(931)} end`, `${'y'.repeat(1500)} end`],
  );
});

test('a group that never ends is said once on stderr, and what is behind it printed', async (t) => {
  const pool = poolOf(t);
  writeFileSync(pool, bytesOf([keyOf({ id: 'g', chunk: 1 }), 'x'], event('0')));
  const following = new Following(t, pool);
  await following.until(' 0\n');
  appendFileSync(pool, bytesOf(event('1')));
  await following.until(' 1\n');
  t.is(following.stderr, `incomplete_group in record 0 of ${pool}: chunk 0 is missing\n`);
  appendFileSync(pool, bytesOf([keyOf({ id: 'g', chunk: 0 }), 'late']));
  await following.until('late');
});

test('a cleared, a truncated, a replaced and a deleted pool are followed', async (t) => {
  const pool = poolOf(t);
  writeFileSync(pool, bytesOf(event('0'), event('1'), event('2')));
  const following = new Following(t, pool);
  await following.until(' 2\n');
  await openPool(pool).clear();
  await openPool(pool).append(...event('3'));
  await following.until(' 3\n');
  appendFileSync(pool, bytesOf(event('4'), event('5')));
  await following.until(' 5\n');
  truncateSync(pool, 2560);
  // Others at the same places, as many as before.
  appendFileSync(pool, bytesOf(event('6'), event('7')));
  await following.until(' 7\n');
  writeFileSync(`${pool}.new`, bytesOf(event('8'), event('9'), event('10')));
  renameSync(`${pool}.new`, pool);
  await following.until(' 10\n');
  rmSync(pool);
  await wait(400);
  // What was there before is back: it was printed.
  writeFileSync(pool, bytesOf(event('0'), event('10'), event('11')));
  await following.until(' 11\n');
  t.deepEqual([following.messages(), following.stderr], [numbers(12), '']);
});

test('a record that is changed at its place is printed, those behind it are not again', async (t) => {
  const pool = poolOf(t);
  const report = (result: string): [string, string] => [
    'PROVISIONING_REPORT',
    `result=${result}|agent=a/1|timestamp=2026-08-31T12:00:00Z|n=${result}`,
  ];
  writeFileSync(pool, bytesOf(event('0'), report('error'), event('1')));
  const following = new Following(t, pool);
  await following.until(' 1\n');
  await openPool(pool).set(...report('success'));
  await following.until('n="success"\n');
  await openPool(pool).delete(event('0')[0]);
  await openPool(pool).append(...event('2'));
  await following.until(' 2\n');
  t.deepEqual(following.messages(), ['0', 'n="error"', '1', 'n="success"', '2']);
});

test('a daemon that rewrites the pool loses and repeats nothing', async (t) => {
  if (!has(t, daemonMissing)) return;
  const folder = folderOf(t);
  const pool = join(folder, '.kvp_pool_1');
  const host = await HypervHost.start(folder);
  t.teardown(() => host.stop());
  const following = new Following(t, pool);
  for (let i = 0; i < 12; i++) {
    await host.set(1, ...event(`${i}`));
    // What comes and goes between two looks nobody has seen.
    if (i % 3 === 2) await following.until(` ${i}\n`);
    if (i % 3 === 2) await host.delete(1, event(`${i - 1}`)[0]);
  }
  await following.until(' 11\n');
  t.deepEqual(following.messages(), numbers(12));
});

test('writers that are killed, one after the other, leave no line out', async (t) => {
  const folder = folderOf(t);
  const pool = join(folder, '.kvp_pool_1');
  const source = `
    import { initializeTracing, target } from 'kvp-tracing';
    await initializeTracing({ kvp: { path: ${JSON.stringify(pool)}, vmId: 'vm', agent: process.argv[2], maxRecords: 1e6, durability: 'write-through' } });
    const log = target('app');
    for (let i = 0; ; i++) {
      log.info({ text: 'x'.repeat(i % 5000) }, process.argv[2] + '#' + i);
      if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }`;
  const following = new Following(t, '--json', pool);
  for (const agent of ['one/1', 'two/1', 'three/1']) {
    const writer = start({ source, folder }, [agent], { stdio: 'ignore' });
    const end = once(writer, 'close');
    await following.until(`"${agent}#20"`);
    await wait(200);
    writer.kill('SIGKILL');
    await end;
  }
  await openPool(pool).append(...event('last'));
  await following.until('"last"');
  const printed = following.stdout.split('\n').slice(0, -1);
  const messages = printed.map((line) => (JSON.parse(line) as { message: string }).message);
  const { readDiagnosticsSync } = await import('../src/diagnostics/read/read-diagnostics.ts');
  const expected = readDiagnosticsSync(pool).diagnostics.map(({ message }) => message);
  t.is(messages.join(' '), expected.join(' '));
});

test('several pools are followed at once', async (t) => {
  const folder = folderOf(t);
  const [a, b] = [join(folder, 'a'), join(folder, 'b')];
  writeFileSync(a, bytesOf(event('0')));
  const following = new Following(t, a, b);
  await following.until(`0 file="${a}"\n`);
  writeFileSync(b, bytesOf(event('1')));
  await following.until(`1 file="${b}"\n`);
  appendFileSync(a, bytesOf(event('2')));
  await following.until(`2 file="${a}"\n`);
  t.is(following.stderr, '');
});

test('a pool that can not be read for a while is said once, and followed again', async (t) => {
  const folder = folderOf(t);
  const pool = join(folder, 'pool');
  writeFileSync(pool, bytesOf(event('0')));
  const following = new Following(t, pool);
  await following.until(' 0\n');
  rmSync(pool);
  mkdirSync(pool);
  await following.until('can be followed\n', 'stderr');
  await wait(900);
  rmSync(pool, { recursive: true });
  writeFileSync(pool, bytesOf(event('1')));
  await following.until(' 1\n');
  t.is(following.stderr, `${pool} is no regular file: only a pool's file can be followed\n`);
});

test('it ends by the signal, and says nothing', async (t) => {
  const pool = poolOf(t);
  writeFileSync(pool, bytesOf(event('0')));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const following = new Following(t, pool);
    await following.until(' 0\n');
    following.child.kill(signal);
    t.deepEqual(await following.end(), { code: null, signal });
    t.is(following.stderr, '');
  }
});

test('what is added to a pool is records, also where it would pass for an export on its own', async (t) => {
  const pool = poolOf(t);
  writeFileSync(pool, bytesOf(...numbers(8).map(event)));
  const following = new Following(t, pool);
  await following.until(' 7\n');
  const odd = ['<Objs ></Objs>\0'.padEnd(512, '\u0001'), 'x'] as const;
  appendFileSync(pool, bytesOf(odd, odd, odd, event('8')));
  await following.until(' 8\n');
  t.deepEqual([following.messages(), following.stderr], [numbers(9), '']);
});

test('it ends when nobody reads any more, also while nothing comes', async (t) => {
  const pool = poolOf(t);
  writeFileSync(pool, bytesOf(event('0')));
  // By a pipe of the shell; its exit code is in the second line.
  const line = `{ "$0" "$1" log -f "$2"; echo $? >&2; } | head -n 1`;
  const piped = spawn('sh', ['-c', line, process.execPath, PROGRAM, pool], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { stdout, stderr } = await ended(piped);
  t.deepEqual([stdout.endsWith(' 0\n'), stderr], [true, '0\n']);
  // By a write, where the reader was gone before it could be seen, or no process can be seen.
  const early = spawn('sh', [
    '-c',
    `{ "$0" "$1" log -f "$2"; echo $? >&2; } | true`,
    process.execPath,
    PROGRAM,
    pool,
  ]);
  t.is((await ended(early)).stderr, '0\n');
  // By a socket, as Node.js makes them.
  const following = new Following(t, pool);
  await following.until(' 0\n');
  following.child.stdout?.destroy();
  t.deepEqual(await following.end(), { code: 0, signal: null });
});

test('while nothing comes it does next to nothing', async (t) => {
  const pool = poolOf(t);
  writeFileSync(pool, bytesOf(...numbers(1000).map(event)));
  const following = new Following(t, pool);
  await following.until(' 999\n');
  await wait(500);
  const before = ticksOf(following.child.pid);
  await wait(2000);
  // Of a second's 100 ticks; a loaded machine gives it even less.
  t.true(ticksOf(following.child.pid) - before <= 20);
});

/** The processor time that a process has used, in hundredths of a second. */
function ticksOf(pid: number | undefined): number {
  const [utime, stime] =
    readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11, 13) ?? [];
  return Number(utime) + Number(stime);
}

test('it ends by a write that nobody reads where no process can be seen', async (t) => {
  if (!has(t, namespacesMissing)) return;
  const pool = poolOf(t);
  writeFileSync(pool, bytesOf(event('0')));
  const line = `mount -t tmpfs none /proc && { "$0" "$1" log -f "$2"; echo $? >&2; } | head -n 1`;
  const blind = spawn('unshare', ['--mount', 'sh', '-c', line, process.execPath, PROGRAM, pool]);
  const end = ended(blind);
  blind.stdout.once('data', () => {
    // The reader goes behind its first line.
    const writer = setInterval(() => appendFileSync(pool, bytesOf(event(`${Date.now()}`))), 100);
    void end.finally(() => clearInterval(writer));
  });
  const { stdout, stderr } = await end;
  t.deepEqual([stdout.endsWith(' 0\n'), stderr], [true, '0\n']);
});
