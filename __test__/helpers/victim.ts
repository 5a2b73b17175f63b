import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../../src/diagnostics/read/read-diagnostics.ts';
import { onBuilt, ROOT } from './programs.ts';

/** What the `seq`th event of a program says: most need one record, some many. */
export function textOf(seq: number): string {
  return seq % 3 === 1 ? 'x'.repeat(75_000 + seq) : `${seq % 10}é`.repeat(seq % 300);
}

/** Bursts of events, a flush behind each; ends in case nobody kills it. */
const SOURCE = `
import { readSync, writeSync } from 'node:fs';
import { EmitKVPLayer, Registry, setGlobalDefault, target } from 'kvp-tracing';
const textOf = ${String(textOf)};
const [path, run] = process.argv.slice(1);
// The end of the input is the end of whoever started this: then nobody kills it.
const wait = () => readSync(0, Buffer.alloc(1)) === 1 || process.exit();
const say = (count) => writeSync(1, count + '\\n');
say('ready');
wait();
const layer = new EmitKVPLayer({ path, vmId: 'vm', maxRecords: 2 ** 31 });
setGlobalDefault(new Registry().with(layer));
const log = target('victim');
let seq = 0;
async function write(events) {
  for (let i = 0; i < events; i++, seq++) log.info({ run: Number(run), seq }, textOf(seq));
  const { complete, dropped } = await layer.flush({ timeout: 60_000 });
  if (!complete || dropped > 0) throw new Error('not all is in the pool');
  say(seq);
}
await write(1);
wait();
for (let round = 0; round < 36; round++) await write([1, 9, 40][round % 3]);
wait();
`;

/** A program that writes to a pool and says, only when it is so, how many of its events are in there. */
export class Victim {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #said = '';
  #complaint = '';

  /** Starts it; what it writes is of the `run`th run. */
  constructor(t: ExecutionContext, path: string, run: number) {
    const child = spawn(process.execPath, onBuilt(SOURCE, path, `${run}`), { cwd: ROOT, stdio: 'pipe' });
    this.#child = child;
    this.#closed = once(child, 'close');
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#complaint += text));
    child.stdin.on('error', () => {});
    t.teardown(() => this.kill().catch(() => {}));
  }

  /** Lets it go on: first it opens the pool and flushes one event, then it writes the others. */
  go(steps = 1): void {
    this.#child.stdin?.write('.'.repeat(steps));
  }

  /** Waits until it has said `ready` and `counts` counts, or has ended. */
  async says(counts: number): Promise<void> {
    const hasEnded = this.#closed.then(() => true);
    while (this.#lines().length <= counts) {
      if (await Promise.race([hasEnded, once(this.#child.stdout!, 'data').then(() => false)])) break;
    }
  }

  /** Kills it and returns how many of its events it said to be in the pool; throws if it ended by itself. */
  async kill(): Promise<number> {
    this.#child.kill('SIGKILL');
    await this.#closed;
    if (this.#child.signalCode !== 'SIGKILL') throw new Error(`it ended: ${this.#complaint}`);
    return Number(this.#lines().slice(1).at(-1) ?? 0);
  }

  #lines(): string[] {
    return this.#said.split('\n').slice(0, -1);
  }
}

/**
 * Asserts that these records are those of one run: in order, without a gap, as they were written, at least
 * as many events as it said, and nothing else but a last event that was cut. Returns how many there are.
 */
export function isWhole(t: ExecutionContext, records: Buffer, run: number, acknowledged: number): number {
  const { diagnostics, problems, unknown } = readDiagnosticsSync(records);
  const cut = problems.pop();
  t.true(cut === undefined || cut.records.at(-1) === records.length / 2560 - 1);
  t.deepEqual([problems, unknown], [[], []]);
  for (const [seq, { fields, message }] of diagnostics.entries()) {
    if (fields['run'] !== run || fields['seq'] !== seq || message !== textOf(seq)) {
      t.fail(
        `where event ${seq} of run ${run} should be is ${JSON.stringify(fields)}, ${message?.length} long`,
      );
    }
  }
  t.true(diagnostics.length >= acknowledged, `run ${run}: ${diagnostics.length} of ${acknowledged} events`);
  return diagnostics.length;
}
