import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { freePort } from './free-port.ts';
import { type ReceivedSpan, spansIn } from './rotel-output.ts';
import { ROOT } from './programs.ts';

export type { ReceivedSpan };

/** Where `rotel` is, a virtual environment of Python in the project's folder. */
const VENV = fileURLToPath(new URL('.rotel/lib', ROOT));
const AGENT = findAgent();

/** What the tests with a real OTLP receiver lack on this machine, if anything. */
export const rotelMissing: string | undefined =
  AGENT === undefined
    ? 'missing rotel: python3 -m venv .rotel && .rotel/bin/pip install rotel==0.0.1a15'
    : undefined;

/** How long nothing is printed any more when a batch is through, in milliseconds. */
const QUIET = 100;

/** A real OTLP receiver that keeps what it got; it is stopped when the test is over. */
export class Rotel {
  /** What `OTEL_EXPORTER_OTLP_ENDPOINT` is set to. */
  readonly endpoint: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #output = '';
  #printed = 0;

  private constructor(port: number, grpcPort: number) {
    this.endpoint = `http://127.0.0.1:${port}`;
    const listen = `--otlp-http-endpoint 127.0.0.1:${port} --otlp-grpc-endpoint 127.0.0.1:${grpcPort}`;
    const print = '--exporter blackhole --debug-log traces --debug-log-verbosity detailed --log-format json';
    this.#child = spawn(AGENT as string, ['start', ...`${listen} ${print}`.split(' ')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {},
    });
    this.#closed = once(this.#child, 'close');
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      this.#printed = performance.now();
    });
  }

  /** Starts it, by default on a free port, and waits until it listens. */
  static async start(t: ExecutionContext, port?: number): Promise<Rotel> {
    const rotel = new Rotel(port ?? (await freePort()), await freePort());
    t.teardown(() => rotel.stop());
    while (!(await listens(rotel.endpoint))) {
      if (rotel.#hasEnded) throw new Error(`rotel did not start: ${rotel.#output}`);
      await sleep(10);
    }
    return rotel;
  }

  /** Waits until at least so many spans came; all that did, in the order in which they did. */
  async received(count: number): Promise<ReceivedSpan[]> {
    for (;;) {
      const spans = spansIn(this.#output);
      const isQuiet = performance.now() - this.#printed > QUIET;
      if (spans.length >= count && isQuiet) return spans;
      if (this.#hasEnded) throw new Error(`rotel has ended with ${spans.length} spans of ${count}`);
      await sleep(20);
    }
  }

  /** Ends it, after which nobody listens on its port; all that it received. Idempotent. */
  async stop(): Promise<ReceivedSpan[]> {
    this.#child.kill('SIGTERM');
    await this.#closed;
    return spansIn(this.#output);
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

async function listens(endpoint: string): Promise<boolean> {
  const socket = connect(Number(new URL(endpoint).port), '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function findAgent(): string | undefined {
  if (!existsSync(VENV)) return undefined;
  return readdirSync(VENV)
    .map((python) => join(VENV, python, 'site-packages/rotel/rotel-agent'))
    .find((file) => existsSync(file));
}
