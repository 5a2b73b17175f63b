import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { type Op, runSync } from '../../src/pool/op.ts';

/** What goes wrong at a call, or what happens just before it. */
export interface Fault {
  /** The call of this number from 0, or the next of this name. */
  at: number | string;
  /** It is refused with EIO; a close closes all the same. */
  fails?: true;
  /** A read or write takes only so many bytes. */
  short?: number;
  /** Somebody comes in between. */
  before?: () => void;
}

const CALLS = ['open', 'fstat', 'read', 'write', 'ftruncate', 'close'] as const;

const running: { system?: FaultySystem | undefined } = {};

/**
 * The system calls that an operation of the fallback makes in its sync form, with faults, one after the other. The
 * program flock counts as a call; it is not run, because the lock is always free.
 */
export class FaultySystem {
  readonly calls: string[] = [];
  readonly #faults: Fault[];

  constructor(...faults: Fault[]) {
    this.#faults = faults;
  }

  /** Whether all faults have happened. */
  get isSpent(): boolean {
    return this.#faults.length === 0;
  }

  run<R>(op: Op<R>): R {
    running.system = this;
    try {
      return runSync(op);
    } finally {
      running.system = undefined;
    }
  }

  /** Counts a call and says what goes wrong at it. */
  next(name: string): Fault | undefined {
    const number = this.calls.push(name) - 1;
    const [fault] = this.#faults;
    if (fault?.at !== number && fault?.at !== name) return undefined;
    this.#faults.shift();
    if (fault.before !== undefined) {
      running.system = undefined;
      fault.before();
      running.system = this;
    }
    return fault;
  }
}

/** What `node:fs` throws for a call that failed. */
export function refusal(syscall: string): Error {
  return Object.assign(new Error(`EIO: i/o error, ${syscall}`), { code: 'EIO', errno: -5, syscall });
}

/** Has `node:fs` and `node:child_process` ask the system that runs; without one all is as ever. */
export function makeFaulty(): void {
  const calls = fs as unknown as Record<string, (...given: unknown[]) => unknown>;
  for (const name of CALLS) {
    const real = calls[`${name}Sync`]!;
    calls[`${name}Sync`] = (...given) => {
      const fault = running.system?.next(name);
      if (fault?.fails !== undefined) {
        if (name === 'close') real(...given);
        throw refusal(name);
      }
      if (fault?.short === undefined) return real(...given);
      const [fd, bytes, offset = 0, , position = null] = given;
      return real(fd, bytes, offset, fault.short, position);
    };
  }
  const realSpawn = childProcess.spawnSync;
  childProcess.spawnSync = ((...given: Parameters<typeof realSpawn>) => {
    if (running.system === undefined) return realSpawn(...given);
    return running.system.next('flock')?.fails === undefined
      ? { status: 0 }
      : { error: refusal('spawnSync flock') };
  }) as typeof realSpawn;
  syncBuiltinESMExports();
}
