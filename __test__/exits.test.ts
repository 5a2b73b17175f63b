import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { folderOf, poolOf } from './helpers/pool-folder.ts';
import { type Ended, ended, onBuilt, ROOT, start } from './helpers/programs.ts';

const PREAMBLE = `
import { EmitKVPLayer, Registry, setGlobalDefault, target } from 'kvp-tracing';
const path = process.argv[2];
const layer = new EmitKVPLayer({ path, vmId: 'vm', maxRecords: 1_000_000 });
setGlobalDefault(new Registry().with(layer));
const log = target('t');
`;

/** Runs a program that emits; returns how it ended and what its pool says. */
async function run(t: ExecutionContext, source: string): Promise<Ended & { messages: unknown[] }> {
  const path = poolOf(t);
  const result = await ended(start({ source: PREAMBLE + source, folder: folderOf(t) }, [path]));
  const { diagnostics, problems } = readDiagnosticsSync(path);
  t.deepEqual(problems, []);
  return { ...result, messages: diagnostics.map(({ message }) => message) };
}

const LATE = `process.on('exit', () => log.info('in an exit listener'));\n`;
const EXPECTED = ['last', 'in an exit listener'];

test('everything is in the pool when a program just ends', async (t) => {
  const { code, messages } = await run(t, `${LATE}log.info('last');`);
  t.deepEqual([code, messages], [0, EXPECTED]);
});

test('everything is in the pool after process.exit()', async (t) => {
  const { code, messages } = await run(t, `${LATE}log.info('last'); process.exit(3);`);
  t.deepEqual([code, messages], [3, EXPECTED]);
});

test('everything is in the pool after an uncaught error', async (t) => {
  const { code, messages } = await run(t, `${LATE}log.info('last'); throw new Error('uncaught');`);
  t.deepEqual([code, messages], [1, ['last', 'uncaught error', 'in an exit listener']]);
});

test('everything is in the pool after an unhandled rejection', async (t) => {
  const { code, messages } = await run(t, `${LATE}log.info('last'); void Promise.reject(new Error('no'));`);
  t.deepEqual([code, messages], [1, ['last', 'uncaught error', 'in an exit listener']]);
});

test('a program that emits each time the event loop runs empty ends as it would without', async (t) => {
  const { code, stdout, messages } = await run(
    t,
    `let turns = 0;
     process.on('beforeExit', () => {
       for (const until = performance.now() + 80; performance.now() < until; );
       if (++turns > 10) process.exit(9);
       log.info('turn');
     });
     process.on('exit', () => console.log(turns));`,
  );
  t.deepEqual([code, stdout, messages], [0, '1\n', ['turn']]);
});

test('what is emitted after the time that an exit has is lost, and not said to be one record', async (t) => {
  const { code, stderr } = await run(
    t,
    `process.on('exit', () => {
       for (const until = performance.now() + 700; performance.now() < until; );
       for (let i = 0; i < 3; i++) log.info('late');
     });`,
  );
  t.is(code, 0);
  t.regex(
    stderr,
    /the pool misses \d records?: .*\(closed\).*; what is emitted while the process exits is lost, too\n/,
  );
});

test('what an exit listener emits while somebody holds the lock is written or said to be lost', async (t) => {
  const { code, messages, stderr } = await run(
    t,
    `import { spawn } from 'node:child_process';
     const holder = spawn('flock', ['-x', path, '-c', 'echo locked; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
     await new Promise((resolve) => holder.stdout.once('data', resolve));
     holder.unref();
     process.on('exit', () => { log.info('last'); holder.kill('SIGKILL'); });
     process.exit();`,
  );
  t.is(code, 0);
  if (messages.length === 0) t.regex(stderr, /the pool misses 1 record: 1 INFO \(lock\)/);
  else t.deepEqual(messages, ['last']);
});

test('a lock that is never given back costs half a second at the exit, and is said', async (t) => {
  const { code, messages, stdout, stderr } = await run(
    t,
    `import { spawn } from 'node:child_process';
     const holder = spawn('flock', ['-x', path, '-c', 'echo locked; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
     await new Promise((resolve) => holder.stdout.once('data', resolve));
     holder.unref();
     log.info('last');
     const started = performance.now();
     process.on('exit', () => { holder.kill(); console.log(performance.now() - started); });
     process.exit();`,
  );
  t.is(code, 0);
  if (process.env['KVP_TRACING_BACKEND'] === 'js') {
    t.deepEqual(messages, ['last'], 'an append without a lock goes through');
    return;
  }
  t.deepEqual(messages, []);
  t.true(Number(stdout) < 2000, `${stdout} ms`);
  t.regex(stderr, /the pool misses 1 record: 1 INFO \(lock\)/);
});

test('worker threads load, emit, are terminated in the middle, and load again', async (t) => {
  const { code, messages, stderr } = await run(
    t,
    `import { isMainThread, parentPort, Worker } from 'node:worker_threads';
     if (isMainThread) {
       log.info('main');
       for (const how of ['once', 'forever', 'once', 'forever']) {
         const thread = new Worker(new URL(import.meta.url), { argv: [path, how] });
         await new Promise((resolve, reject) => thread.once('message', resolve).once('error', reject));
         if (how === 'forever') await thread.terminate();
         else await new Promise((resolve) => thread.once('exit', resolve));
       }
     } else {
       for (let i = 0; i < 100; i++) log.info('worker');
       parentPort?.postMessage('ready');
       if (process.argv[3] === 'forever') for (;;) log.debug('not written');
     }`,
  );
  t.is(code, 0, stderr);
  t.is(messages.filter((message) => message === 'main').length, 1);
  const fromWorkers = messages.filter((message) => message === 'worker').length;
  if (process.env['KVP_TRACING_BACKEND'] === 'js')
    t.true(fromWorkers >= 200, 'a terminated worker runs no JavaScript');
  else t.is(fromWorkers, 400);
});

/** Emits as much as a pool that can be read again has room for, and says in `flushed` how much of that is in it. */
const WORKER = `
  import { workerData } from 'node:worker_threads';
  import { EmitKVPLayer, Registry, setGlobalDefault, target } from '${new URL('dist/index.cjs', ROOT).href}';
  const { path, flushed, id } = workerData;
  const layer = new EmitKVPLayer({ path, vmId: 'vm', maxRecords: 1_000_000 });
  setGlobalDefault(new Registry().with(layer));
  setInterval(() => {}, 1000);
  for (let seq = 0; seq < 3000; ) {
    for (let i = 0; i < 300; i++) target('t').info({ id, seq: seq++ }, 'x');
    const { complete, dropped } = await layer.flush({ timeout: 60_000 });
    if (!complete) throw new Error('a flush does not end');
    if (dropped === 0) Atomics.store(flushed, id, seq);
  }`;

test('workers that are terminated in mid-emit, two at a time and ten times over, lose nothing that they flushed', async (t) => {
  const path = poolOf(t);
  const source = `
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Worker } from 'node:worker_threads';
    const [path, file] = process.argv.slice(1);
    const flushed = new Int32Array(new SharedArrayBuffer(80));
    for (let id = 0; id < flushed.length; id += 2) {
      const workers = [id, id + 1].map((own) =>
        new Worker(file, { execArgv: [], workerData: { path, flushed, id: own } }).on('error', (error) => {
          console.error(error);
          process.exit(1);
        }));
      while (flushed[id] === 0 || flushed[id + 1] === 0) await sleep(1);
      await sleep(id / 2);
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
    console.log(JSON.stringify([...flushed]));`;
  const file = join(folderOf(t), 'worker.mjs');
  writeFileSync(file, WORKER);
  const child = spawn(process.execPath, onBuilt(source, path, file), { cwd: ROOT });
  t.teardown(() => child.kill('SIGKILL'));
  const { code, stdout, stderr } = await ended(child);
  t.deepEqual([code, stderr], [0, '']);
  const { diagnostics, problems } = readDiagnosticsSync(path);
  t.deepEqual(problems, []);
  const found = new Map<unknown, number>();
  for (const { fields } of diagnostics) {
    const before = found.get(fields['id']) ?? 0;
    if (fields['seq'] !== before) t.fail(`event ${before} of worker ${fields['id']} is missing`);
    found.set(fields['id'], before + 1);
  }
  for (const [id, flushed] of (JSON.parse(stdout) as number[]).entries()) {
    t.true((found.get(id) ?? 0) >= flushed, `worker ${id}: ${found.get(id)} of ${flushed}`);
  }
});

test('a program without a pool ends when it is done', async (t) => {
  const source = `
    import { initializeTracing, info } from 'kvp-tracing';
    await initializeTracing({ kvp: { path: '/nonexistent/folder/pool', vmId: 'vm' }, stderr: false });
    info('nowhere to go');
    const started = performance.now();
    process.on('exit', () => { for (let i = 0; i < 30; i++) info('late'); });
    process.on('exit', () => console.log(performance.now() - started));`;
  const { code, stdout, stderr } = await ended(start({ source, folder: folderOf(t) }));
  t.is(code, 0, stderr);
  // If each of the listeners' events were waited for it would take 6 s.
  t.true(Number(stdout) < 5000, `${stdout} ms`);
  t.regex(stderr, /the pool misses 1 record: 1 INFO \(io\)/);
});

test('a stderr that nobody reads any more neither ends nor holds a program that has a problem to tell', async (t) => {
  const source = `
    import { once } from 'node:events';
    import { EmitKVPLayer } from 'kvp-tracing';
    await once(process.stdin.resume(), 'end');
    new EmitKVPLayer({ path: '/nonexistent/folder/pool' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log('went on');`;
  const child = start({ source, folder: folderOf(t) }, [], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stderr?.destroy();
  child.stdin?.end();
  const { code, stdout } = await ended(child);
  t.deepEqual([code, stdout], [0, 'went on\n']);
});

test('lines that a slow reader has not taken yet are written before the exit, or counted', async (t) => {
  const source = `
    import { writeSync } from 'node:fs';
    import { initializeTracing, info } from 'kvp-tracing';
    const tracing = await initializeTracing({ kvp: false, stderr: { filter: 'info' } });
    for (let i = 0; i < 1000; i++) info('x'.repeat(60));
    process.on('exit', () => writeSync(1, String(tracing.stats().StderrLayer.dropped)));
    writeSync(1, 'emitted ');
    process.exit();`;
  const child = start({ source, folder: folderOf(t) });
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  await once(child.stdout!, 'data');
  const { stderr } = await ended(child);
  const dropped = Number(stdout.split(' ')[1]);
  t.is(stderr.split('\n').length - 1 + dropped, 1000, stdout);
});
