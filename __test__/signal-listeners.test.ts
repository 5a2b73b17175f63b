import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { asFirstProcess, namespacesMissing } from './helpers/namespaces.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';
import { ended, onBuilt, ROOT } from './helpers/programs.ts';

/** A program with signal handlers, and what else listens for signals in it. */
interface Program {
  /** What it does before it sets tracing up. */
  before?: string;
  after?: string;
  /** What is sent to it, half a second after each other. Default: one SIGTERM. */
  signals?: NodeJS.Signals[];
  /** Runs it as the first process of a container. */
  isFirst?: boolean;
}

interface Death {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  messages: unknown[];
  /** From the first signal on, in milliseconds. */
  took: number;
}

const GRACEFUL = `async () => {
  await new Promise((resolve) => setTimeout(resolve, 300));
  info('cleaned up');
  await tracing.shutdown();
  process.exit(7);
}`;

const source = ({ before = '', after = '' }: Program) => `
  import { spawn } from 'node:child_process';
  import { initializeTracing, info, installSignalHandlers } from 'kvp-tracing';
  let tracing;
  const graceful = ${GRACEFUL};
  ${before}
  tracing = await initializeTracing({ kvp: { path: process.argv[1], vmId: 'vm' }, stderr: false, signals: true });
  ${after}
  // Listeners that were taken away come back in a microtask.
  await new Promise((resolve) => setImmediate(resolve));
  info('ready');
  setTimeout(() => console.log('lives'), 20_000);
  console.log('ready');`;

async function run(t: ExecutionContext, program: Program): Promise<Death> {
  const path = poolOf(t);
  const child = program.isFirst
    ? asFirstProcess(source(program), path)
    : spawn(process.execPath, onBuilt(source(program), path), { cwd: ROOT });
  t.teardown(() => child.kill('SIGKILL'));
  const end = ended(child);
  await firstOutput(child);
  const started = performance.now();
  for (const [nth, signal] of (program.signals ?? (['SIGTERM'] as const)).entries()) {
    if (nth > 0) await new Promise((resolve) => setTimeout(resolve, 500));
    child.kill(signal);
  }
  const { code, signal, stdout, stderr } = await end;
  const took = performance.now() - started;
  const { diagnostics } = readDiagnosticsSync(path);
  return { code, signal, stdout, stderr, took, messages: diagnostics.map(({ message }) => message) };
}

function firstOutput(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.stdout?.once('data', resolve).once('close', resolve));
}

const EXIT_4 = `const { onExit } = await import('signal-exit');
  onExit((code, signal) => console.log('exit hook', signal));`;
const EXIT_3 = `const { default: onExit3 } = await import('signal-exit-3');
  onExit3((code, signal) => console.log('exit hook', signal));`;
const COUNTER = `process.on('SIGTERM', function count() {
  if (process.listenerCount('SIGTERM') > 1) return;
  process.off('SIGTERM', count);
  console.log('exit hook', 'SIGTERM');
  process.kill(process.pid, 'SIGTERM');
});`;

for (const [what, program] of Object.entries<Program>({
  'nobody else': {},
  'signal-exit 4, loaded before us': { before: EXIT_4 },
  'signal-exit 4, loaded after us': { after: EXIT_4 },
  'signal-exit 3, loaded before us': { before: EXIT_3 },
  'signal-exit 3, loaded after us': { after: EXIT_3 },
  'both of them': { before: EXIT_3, after: EXIT_4 },
  'handlers that are installed twice': { after: 'installSignalHandlers();' },
  'handlers that are installed twice, and signal-exit 4': {
    before: EXIT_4,
    after: 'installSignalHandlers();',
  },
  'a child that is killed with its parent': {
    after: `${EXIT_4}
      const child = spawn('sleep', ['30'], { stdio: 'ignore' });
      onExit(() => { child.kill(); });`,
  },
  'a library with a count of its own, before us': { before: COUNTER },
  'a library with a count of its own, after us': { after: COUNTER },
  'a listener that took all others away, and itself': {
    after: `process.removeAllListeners('SIGTERM');`,
  },
  'one that puts itself first each time': {
    after: `const first = () => {};
      process.on('newListener', (event, listener) => {
        if (event === 'SIGTERM' && listener !== first) queueMicrotask(() => {
          process.off('SIGTERM', first);
          process.prependListener('SIGTERM', first);
        });
      });
      process.on('SIGTERM', first);
      await new Promise((resolve) => setTimeout(resolve, 50));
      process.off('SIGTERM', first);
      process.removeAllListeners('newListener');
      await new Promise((resolve) => setTimeout(resolve, 50));`,
  },
  'a worker thread with handlers': {
    after: `const { Worker } = await import('node:worker_threads');
      const worker = new Worker(\`import { parentPort } from 'node:worker_threads';
      import('kvp-tracing').then(({ installSignalHandlers }) => {
        const before = process.listenerCount('SIGTERM');
        installSignalHandlers();
        parentPort.postMessage(process.listenerCount('SIGTERM') - before);
        setInterval(() => {}, 1000);
      })\`, { eval: true });
      const added = await new Promise((resolve) => worker.once('message', resolve));
      if (added !== 0) process.exit(9);`,
  },
})) {
  test.serial(`with ${what} the program dies of a signal, in time, and the pool says so`, async (t) => {
    const { code, signal, stdout, messages, took, stderr } = await run(t, program);
    t.deepEqual([code, signal, stderr], [null, 'SIGTERM', '']);
    t.deepEqual(messages, ['ready', 'received a signal']);
    t.true(took < 10_000, `${took} ms`);
    const hooks = [program.before, program.after].filter((part) => part?.includes('exit hook')).length;
    t.is(stdout, `ready\n${'exit hook SIGTERM\n'.repeat(hooks)}`);
  });
}

for (const [what, program] of Object.entries<Program>({
  'once, before us': { before: `process.once('SIGTERM', graceful);` },
  'before us': { before: `process.on('SIGTERM', graceful);` },
  'once, after us': { after: `process.once('SIGTERM', graceful);` },
  'after us': { after: `process.on('SIGTERM', graceful);` },
  'once, in front of us': { after: `process.prependOnceListener('SIGTERM', graceful);` },
  'in front of us': { after: `process.prependListener('SIGTERM', graceful);` },
  'once, before us, beside signal-exit 4': { before: `${EXIT_4} process.once('SIGTERM', graceful);` },
  'once, beside signal-exit 3': { before: EXIT_3, after: `process.once('SIGTERM', graceful);` },
  'once, where handlers are installed twice': {
    before: `process.once('SIGTERM', graceful);`,
    after: 'installSignalHandlers();',
  },
  'in place of all listeners': {
    after: `process.removeAllListeners('SIGTERM'); process.once('SIGTERM', graceful);`,
  },
  'once, in place of all listeners, those of signal-exit 4 too': {
    before: EXIT_4,
    after: `process.removeAllListeners('SIGTERM'); process.once('SIGTERM', graceful);`,
  },
  'once, in place of all listeners, those of signal-exit 3 too': {
    before: EXIT_3,
    after: `process.removeAllListeners('SIGTERM'); process.once('SIGTERM', graceful);`,
  },
  'once, in front of us, many times over': {
    before: `for (let i = 0; i < 50; i++) {
      process.prependOnceListener('SIGTERM', i === 0 ? graceful : () => {});
      await null;
    }`,
    after: `process.setMaxListeners(100); for (let i = 0; i < 50; i++) {
      process.prependOnceListener('SIGTERM', () => {});
      await null;
    }
    await new Promise((resolve) => setTimeout(resolve, 150));`,
  },
  'once, before us, for another signal': {
    before: `process.once('SIGINT', graceful);`,
    signals: ['SIGINT'],
  },
  'once, before us, for a hangup': { before: `process.once('SIGHUP', graceful);`, signals: ['SIGHUP'] },
})) {
  test.serial(`a program that listens ${what} is not cut off`, async (t) => {
    const { code, signal, messages } = await run(t, program);
    t.deepEqual([code, signal], [7, null]);
    t.deepEqual(messages, ['ready', 'received a signal', 'cleaned up']);
  });
}

test.serial('a listener that came while we flushed decides', async (t) => {
  const after = `
    tracing.subscriber.with({ name: 'slow', flush: async () => {
      process.once('SIGTERM', graceful);
      await new Promise((resolve) => setTimeout(resolve, 300));
    } });`;
  const { code, messages } = await run(t, { after });
  t.is(code, 7);
  t.deepEqual(messages, ['ready', 'received a signal', 'cleaned up']);
});

test.serial('who is told of the end by signal-exit may hold it up', async (t) => {
  const after = `const { onExit } = await import('signal-exit');
    onExit(() => (setTimeout(graceful, 200), true));`;
  const { code, messages } = await run(t, { after });
  t.is(code, 7);
  t.deepEqual(messages, ['ready', 'received a signal', 'cleaned up']);
});

test.serial(
  'who survives a signal gets the next one as well, and a second one ends who listened once',
  async (t) => {
    const goesOn = `process.on('SIGTERM', () => info('not yet')); process.once('SIGINT', () => info('once'));`;
    const signals = ['SIGTERM', 'SIGTERM', 'SIGINT', 'SIGINT'] as const;
    const { signal, messages } = await run(t, { before: goesOn, signals: [...signals] });
    t.is(signal, 'SIGINT');
    const received = 'received a signal';
    t.deepEqual(messages, ['ready', received, 'not yet', received, 'not yet', received, 'once', received]);
  },
);

test.serial('a signal that the program emits itself ends it too', async (t) => {
  const { signal, messages } = await run(t, {
    after: `setTimeout(() => process.emit('SIGTERM'), 100);`,
    signals: [],
  });
  t.is(signal, 'SIGTERM');
  t.deepEqual(messages, ['ready', 'received a signal']);
});

test.serial('the first process of a container, which no signal kills, exits as if one had', async (t) => {
  if (!has(t, namespacesMissing)) return;
  for (const before of ['', EXIT_4]) {
    const program = `${before}
      process.on('exit', (code) => info('exit ' + code + ' ' + process.listenerCount('SIGTERM')));
      const child = spawn('sh', ['-c', 'sleep 0.3; kill -TERM 1'], { stdio: 'ignore' });`;
    const { code, stdout, messages } = await run(t, { after: program, isFirst: true, signals: [] });
    t.is(code, 143, stdout);
    t.deepEqual(messages, ['ready', 'received a signal', 'exit 143 0']);
  }
});

test.serial('two copies of the package share the handlers of a process', async (t) => {
  const folder = folderOf(t);
  symlinkSync(new URL('node_modules', ROOT), join(folder, 'node_modules'));
  for (const part of ['package.json', 'dist']) {
    cpSync(new URL(part, ROOT), join(folder, 'copy', part), { recursive: true });
  }
  const second = `const copy = await import(${JSON.stringify(join(folder, 'copy/dist/index.cjs'))});
    const uninstall = copy.installSignalHandlers();`;
  for (const [program, expected] of [
    [{ after: second }, 'SIGTERM'],
    [{ before: second }, 'SIGTERM'],
    [{ before: second, after: 'uninstall();' }, 'SIGTERM'],
    [{ before: `process.once('SIGTERM', graceful); ${second}` }, null],
  ] as const) {
    const { signal, messages } = await run(t, program);
    t.is(signal, expected);
    t.deepEqual(messages.slice(0, 2), ['ready', 'received a signal']);
  }
});

test.serial('handlers that are taken back leave no listener', async (t) => {
  const before = `
    const events = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2', 'newListener', 'removeListener'];
    const count = () => events.map((event) => process.listenerCount(event)).join();
    const before = count();`;
  const after = `
    const uninstall = [installSignalHandlers(), installSignalHandlers(['SIGUSR2'])];
    await tracing.shutdown();
    for (const each of uninstall) each();
    await new Promise((resolve) => setTimeout(resolve, 20));
    console.log(before === count());
    process.exit(0);`;
  const { code, stdout } = await run(t, { before, after, signals: [] });
  t.is(code, 0);
  t.is(stdout, 'true\n');
});
