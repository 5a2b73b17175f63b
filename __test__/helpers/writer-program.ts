import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { start } from './programs.ts';

/** Debian's, because it sees Debian's cloud-init. */
const PYTHON = '/usr/bin/python3';

/** What the tests with cloud-init's own writer lack on this machine, if anything. */
export const cloudInitMissing: string | undefined =
  spawnSync(PYTHON, ['-c', 'import cloudinit.reporting.handlers']).status === 0
    ? undefined
    : 'missing cloud-init: apt-get install cloud-init';

/** Who writes: this package in two ways, cloud-init's handler, and an append as in azure-init 0.1. */
export const KINDS = ['native', 'fallback', 'cloud-init', 'azure-init'] as const;
export type Kind = (typeof KINDS)[number];

/** What a program says that it wrote. */
export interface Account {
  texts: number;
  /** Where it knows. */
  records?: number;
  /** Of this package's shutdown. */
  outcome?: { backend: string; complete: boolean; dropped: number };
}

/** A process that writes numbered texts into a pool in its own way; it ends with the test. */
export class WriterProgram {
  readonly kind: Kind;
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #complaints = '';

  constructor(t: ExecutionContext, pool: string, kind: Kind, name: string) {
    this.kind = kind;
    this.name = name;
    this.#child = startProgram(kind, [name, pool]);
    const closed = once(this.#child, 'close');
    t.teardown(async () => {
      this.#child.kill('SIGKILL');
      await closed;
    });
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text));
    // A write to a program that is gone: the end of its output says why, this error does not.
    this.#child.stdin!.on('error', () => {});
  }

  /** Resolves when it has opened the pool. */
  async ready(): Promise<void> {
    await this.#nextLine();
  }

  async write(seconds: number): Promise<Account> {
    this.#child.stdin!.write(`${seconds}\n`);
    return JSON.parse(await this.#nextLine()) as Account;
  }

  async #nextLine(): Promise<string> {
    const { done, value: line } = await this.#lines.next();
    if (done) throw new Error(`${this.name} has ended: ${this.#complaints}`);
    return line;
  }
}

function startProgram(kind: Kind, args: readonly string[]): ChildProcess {
  if (kind === 'native' || kind === 'fallback') {
    const env = { KVP_TRACING_BACKEND: kind === 'native' ? 'native' : 'js' };
    return start({ file: '__test__/helpers/writers/kvp-layer.ts' }, args, { stdio: 'pipe', env });
  }
  return spawn(PYTHON, [fileURLToPath(new URL(`writers/${kind}.py`, import.meta.url)), ...args]);
}
