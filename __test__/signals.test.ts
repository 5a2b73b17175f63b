import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { flockMissing, holdLock } from './helpers/lock-holder.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';
import { type Ended, ended, start } from './helpers/programs.ts';

const PREAMBLE = `
import { installSignalHandlers, initializeTracing, info, inSpan } from 'kvp-tracing';
const path = process.argv[2];
const stay = setTimeout(() => {}, 30_000);
const tracing = await initializeTracing({ kvp: { path, vmId: 'vm' }, stderr: false, signals: true });
`;

/** Runs a program that says "ready" and then gets signals. */
async function run(
  t: ExecutionContext,
  source: string,
  act: (child: ChildProcess) => unknown,
): Promise<Ended & { diagnostics: Diagnostic[] }> {
  const path = poolOf(t);
  const child = start({ source: PREAMBLE + source, folder: folderOf(t) }, [path]);
  t.teardown(() => child.kill('SIGKILL'));
  const end = ended(child);
  await Promise.race([once(child.stdout!, 'data'), end]);
  await act(child);
  const result = await end;
  return { ...result, diagnostics: readDiagnosticsSync(path).diagnostics };
}

const messages = (diagnostics: Diagnostic[]) => diagnostics.map(({ message }) => message);

test('a signal flushes the pool, then the program dies of it', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const source = `info('first'); console.log('ready'); info('last');`;
    const { signal: died, diagnostics } = await run(t, source, (child) => child.kill(signal));
    t.is(died, signal);
    t.deepEqual(messages(diagnostics), ['first', 'last', 'received a signal']);
    const said = diagnostics.at(-1)!;
    t.like(said, { level: 'WARN', target: 'kvp_tracing', fields: { signal } });
  }
});

test('what is emitted while a signal is flushed is in the pool as well', async (t) => {
  const source = `
    import { writeSync } from 'node:fs';
    let n = 0;
    let flushed;
    tracing.subscriber.with({ name: 'slow', flush: () => new Promise((done) => (flushed = { after: n + 5, done })) });
    setInterval(() => {
      info('tick ' + ++n);
      writeSync(1, 'tick ' + n + '\\n');
      if (n === flushed?.after) flushed.done();
    }, 10);`;
  const { signal, stdout, diagnostics } = await run(t, source, (child) => child.kill('SIGTERM'));
  t.is(signal, 'SIGTERM');
  const said = stdout.trim().split('\n');
  t.true(said.length > 5, stdout);
  const written = messages(diagnostics);
  t.deepEqual(
    said.filter((tick) => !written.includes(tick)),
    [],
  );
});

test('a program that listens for a signal itself goes on', async (t) => {
  const source = `
    process.on('SIGTERM', () => { info('mine'); setTimeout(() => process.exit(7), 100); });
    console.log('ready');`;
  const { code, diagnostics } = await run(t, source, (child) => child.kill('SIGTERM'));
  t.is(code, 7);
  t.deepEqual(messages(diagnostics), ['received a signal', 'mine']);
});

test('what was emitted is in the pool before a listener of the program runs, which may end it at once', async (t) => {
  if (!has(t, flockMissing)) return;
  const source = `
    import { writeSync } from 'node:fs';
    process.on('SIGTERM', () => process.kill(process.pid, 'SIGKILL'));
    info('text');
    await tracing.flush();
    tracing.subscriber.with({ name: 'told', onEvent: () => writeSync(1, 'told') });
    writeSync(1, 'ready');`;
  const { signal, diagnostics } = await run(t, source, async (child) => {
    // Nothing can be written before the handler waits for it.
    const release = await holdLock(t, 'flock', child.spawnargs.at(-1)!);
    child.kill('SIGTERM');
    await once(child.stdout!, 'data');
    await sleep(100);
    await release();
  });
  t.is(signal, 'SIGKILL');
  t.deepEqual(messages(diagnostics), ['text', 'received a signal']);
});

test('a second signal ends the program at once, while an exporter that never ends is flushed', async (t) => {
  const source = `
    tracing.subscriber.with({ name: 'stuck', flush: () => { console.log('flushing'); return new Promise(() => {}); } });
    info('text');
    console.log('ready');`;
  const { signal, diagnostics } = await run(t, source, async (child) => {
    child.kill('SIGTERM');
    await once(child.stdout!, 'data');
    child.kill('SIGTERM');
  });
  t.is(signal, 'SIGTERM');
  t.deepEqual(messages(diagnostics), ['text', 'received a signal', 'received a signal']);
});

test('after a shutdown a signal is none of ours any more', async (t) => {
  const source = `
    info('text');
    await tracing.shutdown();
    console.log(process.listenerCount('SIGTERM'), process.listenerCount('uncaughtExceptionMonitor'));
    process.exit();`;
  const { stdout, code } = await run(t, source, () => {});
  t.is(code, 0);
  t.regex(stdout, /^0 0\n/);
});

for (const [what, source, origin] of [
  ['an uncaught error', `setTimeout(() => { throw new Error('boom'); });`, 'uncaughtException'],
  ['an unhandled rejection', `void Promise.reject(new Error('boom'));`, 'unhandledRejection'],
  ['something that has no text', `setTimeout(() => { throw { toString: 1 }; });`, 'uncaughtException'],
] as const) {
  test(`${what} is an ERROR event of its span before it kills the program`, async (t) => {
    const failing = `
      inSpan('work', () => { ${source} });
      console.log('ready');`;
    const { code, diagnostics } = await run(t, failing, () => {});
    t.not(code, 0);
    const crash = diagnostics.at(-1)!;
    t.like(crash, { kind: 'event', name: 'work', level: 'ERROR', message: 'uncaught error', target: 'app' });
    t.is(crash.fields['origin'], origin);
    if (source.includes('boom')) t.is(crash.fields['error'], 'boom');
  });
}

test('a program that handles its uncaught errors goes on, and the event says what happened', async (t) => {
  const source = `
    process.on('uncaughtException', () => { info('handled'); clearTimeout(stay); });
    console.log('ready');
    setTimeout(() => { throw new Error('boom'); });`;
  const { code, diagnostics } = await run(t, source, () => {});
  t.is(code, 0);
  t.deepEqual(messages(diagnostics), ['uncaught error', 'handled']);
});
