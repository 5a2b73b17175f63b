import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { staleBefore } from '../../src/pool/boot-time.ts';
import { onBuilt, ROOT } from './programs.ts';

/** What the tests with namespaces of their own lack on this machine, if anything. */
export const namespacesMissing: string | undefined =
  spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0
    ? undefined
    : 'namespaces need root, and the program unshare (Debian: apt-get install util-linux)';

/** What the tests lack that empty pools of an earlier boot, if anything. */
export const bootUnknown: string | undefined =
  staleBefore() === undefined
    ? 'when the system was booted is known in the first PID namespace of Linux alone'
    : undefined;

/** Runs JavaScript on the built package as the first process of a container. */
export function asFirstProcess(source: string, ...args: string[]): ChildProcess {
  const node = [process.execPath, ...onBuilt(source, ...args)];
  return spawn('unshare', ['--pid', '--fork', '--mount-proc', '--kill-child', ...node], { cwd: ROOT });
}

/** Runs it where `/sys` is that of a guest of Hyper-V, as far as it shows. */
export function asHypervGuest(source: string, ...args: string[]): ChildProcess {
  return afterMounts('mount -t tmpfs none /sys && mkdir -p /sys/bus/vmbus', source, ...args);
}

/** Runs it with mounts of its own, which the shell script `mounts` makes. */
export function afterMounts(mounts: string, source: string, ...args: string[]): ChildProcess {
  const node = [process.execPath, ...onBuilt(source, ...args)];
  return spawn('unshare', ['--mount', 'sh', '-c', `${mounts} && exec "$@"`, 'sh', ...node], { cwd: ROOT });
}

/** Runs it with mounts of its own, which nobody else sees. */
export function withOwnMounts(source: string, ...args: string[]): ChildProcess {
  return spawn('unshare', ['--mount', process.execPath, ...onBuilt(source, ...args)], { cwd: ROOT });
}
