import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { ROOT } from './programs.ts';

const PROGRAM = fileURLToPath(new URL('dist/cli/main.cjs', ROOT));

/** How long a test waits for what must come, in milliseconds. */
const TIMEOUT = 30_000;

/** `kvp log -f`, which runs until the test ends. */
export class Following {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #ended: Promise<unknown[]>;

  constructor(t: ExecutionContext, ...args: string[]) {
    const { NO_COLOR: _1, FORCE_COLOR: _2, ...env } = process.env;
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    this.child = spawn(process.execPath, [PROGRAM, 'log', '-f', ...args], { env, stdio: [...stdio] });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#ended = once(this.child, 'close');
    t.teardown(async () => {
      this.child.kill('SIGKILL');
      await this.#ended;
    });
  }

  /** Resolves when a text was printed. */
  async until(text: string, where: 'stdout' | 'stderr' = 'stdout'): Promise<void> {
    const deadline = Date.now() + TIMEOUT;
    while (!this[where].includes(text)) {
      if (Date.now() > deadline)
        throw new Error(`${text} did not come: ${this.stdout.slice(-500)} ${this.stderr.slice(-500)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** How it ended. */
  async end(): Promise<{ code: number | null; signal: string | null }> {
    const [code, signal] = (await this.#ended) as [number | null, string | null];
    return { code, signal };
  }

  /** The messages of the lines, which are their last words. */
  messages(): string[] {
    return this.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => line.slice(line.lastIndexOf(' ') + 1));
  }
}
