import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { chooseBackend } from '../src/pool/binding.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { folderOf, has, poolOf } from './helpers/pool-folder.ts';
import { type Call, straceMissing, traced } from './helpers/strace.ts';

const isNative = chooseBackend() === 'native';

// What V8 does for itself would stand among the calls of the thread: compiling asks for memory and meets the
// writer at malloc's lock, a collection wakes helpers.
const QUIET = [
  '--jitless',
  '--single-threaded',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
  '--expose-gc',
];
/** Memory, and `getpid` for the random numbers of spans' ids: neither can wait for anybody. */
const HARMLESS = new Set(['brk', 'mmap', 'munmap', 'mprotect', 'madvise', 'getpid', 'getrandom']);
/** Only where the kernel has no clock that a program can read by itself. */
const CLOCK = new Set(['clock_gettime', 'gettimeofday']);

const BURST = 2000;
const SINGLES = 20;

/** Marks windows by asking for files that do not exist. */
const EMITTER = `
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { EmitKVPLayer, Registry, setGlobalDefault, target } from 'kvp-tracing';
const [path] = process.argv.slice(1);
const layer = new EmitKVPLayer({ path, vmId: 'vm', maxRecords: 2 ** 31 });
setGlobalDefault(new Registry().with(layer));
const log = target('t');
function emit(count) {
  for (let i = 0; i < count; i += 4) {
    log.inSpan('work', { fields: { i } }, () => {
      log.info({ i, user: 'é' }, 'one record');
      log.warn({ i }, i % 100 === 0 ? 'x'.repeat(3000) : 'two');
    });
  }
}
function windowOf(name, act) {
  existsSync('/begin ' + name);
  act();
  existsSync('/end ' + name);
}
const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

for (let round = 0; round < 10; round++) {
  emit(${BURST});
  await layer.flush();
}
gc();
windowOf('burst', () => emit(${BURST}));
await layer.flush();
for (let i = 0; i < ${SINGLES}; i++) {
  pause(20);
  windowOf('single', () => log.info({ i }, 'alone'));
}
await layer.flush();
// Whatever ends this program ends the input of the holder, and so the holder.
const holder = spawn('flock', ['-x', path, '-c', 'echo locked; cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
await once(holder.stdout, 'data');
log.info('finds the lock taken');
pause(100);
windowOf('locked', () => emit(${BURST}));
holder.stdin.end();
await layer.flush();
const { accepted, written, dropped } = layer.stats();
console.log(JSON.stringify([accepted - written, dropped]));
`;

/** The calls of the thread that emits, in each window of that name. */
function windows(calls: readonly Call[], name: string): Call[][] {
  const found: Call[][] = [];
  let begun: Call | undefined;
  for (const call of calls) {
    if (call.text.includes(`"/begin ${name}"`)) {
      begun = call;
      found.push([]);
    } else if (call.text.includes(`"/end ${name}"`)) begun = undefined;
    else if (call.thread === begun?.thread) found.at(-1)?.push(call);
  }
  return found;
}

/** What the thread that writes sleeps on: who wakes it names that. */
function bedsOf(calls: readonly Call[]): Set<string> {
  const writer = calls.find(({ name }) => name === 'flock')?.thread;
  const waits = calls.filter(({ thread, text }) => thread === writer && text.includes('FUTEX_WAIT_BITSET'));
  return new Set(waits.map(({ text }) => text.split(',')[0] ?? ''));
}

/** Gives back a lock of malloc's that the writer wanted meanwhile and has by now: nobody waited, nobody woke. */
const wakesNobody = ({ name, text }: Call): boolean =>
  name === 'futex' && /, FUTEX_WAKE_PRIVATE, 1\) += 0$/.test(text);

/** Asserts that these calls wake the writer or are harmless; returns how many wake it. */
function wakesOnly(t: ExecutionContext, calls: readonly Call[], beds: ReadonlySet<string>): number {
  const isWake = ({ name, text }: Call) =>
    name === 'futex' && beds.has(text.split(',')[0] ?? '') && text.includes(', FUTEX_WAKE_PRIVATE, 1)');
  const isHarmless = (call: Call) =>
    HARMLESS.has(call.name) || CLOCK.has(call.name) || (wakesNobody(call) && !isWake(call));
  const left = calls.filter((call) => !isHarmless(call));
  const others = left.filter((call) => !isWake(call));
  t.deepEqual(others, []);
  return left.length;
}

test('an emit makes no system call but to wake a writer that sleeps, and none on the fallback', async (t) => {
  if (!has(t, straceMissing)) return;
  const { calls, stdout } = await traced(t, { node: QUIET, source: EMITTER, args: [poolOf(t)] });
  t.is(stdout, '[0,{}]\n');
  const [bursts, singles, locked] = ['burst', 'single', 'locked'].map((name) => windows(calls, name));
  t.deepEqual([bursts?.length, singles?.length, locked?.length], [1, SINGLES, 1]);
  const beds = isNative ? bedsOf(calls) : new Set<string>();
  const inBurst = wakesOnly(t, bursts?.flat() ?? [], beds);
  const inSingles = (singles ?? []).map((each) => wakesOnly(t, each, beds));
  const inLocked = wakesOnly(t, locked?.flat() ?? [], beds);
  t.true(inBurst <= (isNative ? BURST / 20 : 0), `${inBurst} for ${BURST}`);
  t.is(Math.max(...inSingles), isNative ? 1 : 0, 'of emits with pauses between them');
  t.is(inLocked, 0, 'it would be woken for nothing');
});

/** A failure for each call that the writer makes while it takes both locks, and none. */
const HAPPENS: [what: string, ...injected: string[]][] = [
  ['nothing happens'],
  ['somebody holds the first', 'flock:error=EAGAIN:when=3'],
  ['somebody holds the second', 'fcntl:error=EAGAIN:when=3'],
  ['there is no second', 'fcntl:error=ENOLCK:when=3'],
  ['the file can not be looked at', 'fstat:error=EIO:when=3'],
  ['the disk is full', 'write:error=ENOSPC:when=2'],
];

const WRITER = `
import { EmitKVPLayer, Registry, setGlobalDefault, target } from 'kvp-tracing';
const [path] = process.argv.slice(1);
const layer = new EmitKVPLayer({ path, vmId: 'vm', onProblem: () => {} });
const registry = new Registry().with(layer);
setGlobalDefault(registry);
for (let i = 0; i < 5; i++) {
  for (let k = 0; k < 100; k++) target('t').info({ i, k }, 'x');
  // Not by a flush, which looks at the file too, outside of the locks.
  while (layer.stats().written < (i + 1) * 100) await new Promise((resolve) => setTimeout(resolve, 1));
}
await registry.shutdown();
`;

/** What a call does to the locks of a pool or to its records; a `!` behind it if it failed. */
function stepOf({ name, text }: Call): string {
  const failed = / = -1 /.test(text) ? '!' : '';
  if (name === 'write') return `write${failed} `;
  if (name === 'flock') return `flock ${text.includes('LOCK_UN') ? 'off' : 'on'}${failed} `;
  if (name === 'fcntl') return `ofd ${text.includes('F_UNLCK') ? 'off' : 'on'}${failed} `;
  return failed === '' ? '' : `${name}! `;
}

// The fallback appends without locks.
for (const [what, ...injected] of isNative ? HAPPENS : []) {
  test(`the writer gives back both locks, the last one first, before it goes on: ${what}`, async (t) => {
    if (!has(t, straceMissing)) return;
    const path = join(realpathSync(folderOf(t)), '.kvp_pool_1');
    const strace = ['-P', path, ...injected.flatMap((what) => ['-e', `inject=${what}`])];
    const { calls } = await traced(t, { strace, source: WRITER, args: [path] });
    t.is(readDiagnosticsSync(path).diagnostics.length, 500);
    const emitter = calls[0]?.thread;
    t.deepEqual(
      // Setting up and ending also look at the path, to know whether two lead to the same file.
      calls
        .filter(({ thread, name }) => thread === emitter && name !== 'statx')
        .map(({ name }) => name.replace('openat', 'open')),
      ['open', 'fstat'],
    );
    const steps = calls
      .filter(({ thread }) => thread !== emitter)
      .map(stepOf)
      .join('');
    const inBoth = '(write |write! |fstat! )*';
    t.regex(
      steps,
      RegExp(`^(flock on! |flock on ofd on! flock off |flock on ofd on ${inBoth}ofd off flock off )+$`),
    );
    t.is(steps.split('!').length - 1, injected.length, steps);
  });
}
