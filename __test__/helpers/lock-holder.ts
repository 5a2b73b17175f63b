import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';

/** What the tests of locks lack on this machine, if anything. */
export const flockMissing: string | undefined =
  spawnSync('flock', ['--version']).status === 0 ? undefined : 'missing flock: apt-get install util-linux';
export const pythonMissing: string | undefined =
  spawnSync('python3', ['--version']).status === 0 ? undefined : 'missing python3: apt-get install python3';

/** As hv_kvp_daemon locks (tools/hv/hv_kvp_daemon.c): by process, the whole file. */
const FCNTL = `
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
`;

const PROGRAMS = {
  flock: (path: string) => ['flock', '-x', path, 'sh', '-c', 'echo held; cat'],
  'shared flock': (path: string) => ['flock', '-s', path, 'sh', '-c', 'echo held; cat'],
  fcntl: (path: string) => ['python3', '-c', FCNTL, path],
} as const;

/** Has another process hold a lock of an existing file, until the returned function is called or the test ends. */
export async function holdLock(
  t: ExecutionContext,
  kind: keyof typeof PROGRAMS,
  path: string,
): Promise<() => Promise<void>> {
  const [program, ...args] = PROGRAMS[kind](path);
  const holder = spawn(program as string, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'close');
  const release = async () => {
    holder.stdin.end();
    await ended;
  };
  t.teardown(release);
  await once(holder.stdout, 'data');
  return release;
}
