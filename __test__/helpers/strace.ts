import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { folderOf } from './pool-folder.ts';
import { ended, onBuilt, ROOT } from './programs.ts';

/** What the tests that watch system calls lack on this machine, if anything. */
export const straceMissing: string | undefined = findMissing();

/** A system call as `strace` prints it: `futex`, `(0x1, FUTEX_WAKE_PRIVATE, 1) = 1`. */
export interface Call {
  thread: string;
  name: string;
  text: string;
}

/** Runs JavaScript on the built package under `strace`; returns all calls in the order they began, and its output. */
export async function traced(
  t: ExecutionContext,
  { strace = [], node = [], source, args }: Program,
): Promise<{ calls: Call[]; stdout: string }> {
  const file = join(folderOf(t), 'trace');
  const command = [
    '-f',
    '-qq',
    '-o',
    file,
    ...strace,
    process.execPath,
    ...node,
    ...onBuilt(source, ...args),
  ];
  // A group of its own, because whoever is traced goes on when strace is killed.
  const child = spawn('strace', command, { cwd: ROOT, detached: true });
  t.teardown(() => {
    const runs = child.exitCode === null && child.signalCode === null;
    if (runs) process.kill(-(child.pid as number), 'SIGKILL');
  });
  const { code, stdout, stderr } = await ended(child);
  t.is(code, 0, stderr);
  return { calls: callsOf(readFileSync(file, 'utf8')), stdout };
}

interface Program {
  /** Options of `strace`. */
  strace?: readonly string[];
  /** Options of Node.js. */
  node?: readonly string[];
  source: string;
  args: readonly string[];
}

/** A call during which another thread made one has two lines: `<unfinished ...>` and `<... resumed>`. */
function callsOf(trace: string): Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, Call>();
  for (const line of trace.split('\n')) {
    const begun = /^(\d+) +(\w+)(\(.*?)(<unfinished \.\.\.>)?$/.exec(line);
    const resumed = /^(\d+) +<\.\.\. \w+ resumed>(.*)$/.exec(line);
    if (begun !== null) {
      const [, thread = '', name = '', text = ''] = begun;
      const call = { thread, name, text: text.trimEnd() };
      calls.push(call);
      if (begun[4] !== undefined) unfinished.set(thread, call);
    } else if (resumed !== null) {
      const call = unfinished.get(resumed[1] ?? '');
      if (call !== undefined) call.text += resumed[2];
    }
  }
  return calls;
}

function findMissing(): string | undefined {
  const { error, stderr } = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true'], { encoding: 'utf8' });
  if (error !== undefined) return 'missing strace: apt-get install strace';
  return stderr === '' ? undefined : `strace may trace nothing here: ${stderr.trim()}`;
}
