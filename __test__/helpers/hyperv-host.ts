import { type ChildProcessWithoutNullStreams, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const DAEMON = '/usr/sbin/hv_kvp_daemon';
const SOURCES = fileURLToPath(new URL('fake-host/', import.meta.url));

/** The daemon's words for a record and for "no more records", HV_S_CONT. */
const OK = 0;
const NO_MORE = 0x8007_0103;

/** What drivers/hv/hv_kvp.c passes on of a record, in UTF-16 units. */
const MAX_KEY_UNITS = 254;
const MAX_VALUE_UNITS = 1_022;

/** What the tests with the real daemon lack on this machine, if anything. */
export const daemonMissing: string | undefined = findMissing();

export interface HostRecord {
  key: string;
  value: string;
}

interface Answer {
  records: HostRecord[];
  status: number;
}

/** One line of the fake host's output, text in hex. */
type Line = HostRecord | { end: number } | { error: string };

/** A Hyper-V host as a guest's real `hv_kvp_daemon` sees it, and the guest's pools as that host sees them. */
export class HypervHost {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;
  #complaints = '';
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    this.#closed = once(child, 'close');
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text));
    // A write to a host that is gone: the end of its output says why, this error does not.
    child.stdin.on('error', () => {});
  }

  /** Starts host and daemon on an existing folder, where the daemon creates the pools that are not there. */
  static async start(poolFolder: string): Promise<HypervHost> {
    const programs = await (built ??= build());
    const host = new HypervHost(
      spawn(join(programs, 'host'), [DAEMON, join(programs, 'shim.so'), resolve(poolFolder)]),
    );
    await host.#nextLine(); // "ready"
    return host;
  }

  /**
   * The records of a pool as they arrive at the host; throws at one that would make the host stop. Each
   * costs the daemon a read of the whole file: of a large pool ask a part, at most `most` from `first` on.
   */
  async enumerate(pool: number, part?: { first: number; most: number }): Promise<HostRecord[]> {
    const range = part === undefined ? '' : ` ${part.first} ${part.most}`;
    const { records, status } = await this.#ask(`enumerate ${pool}${range}`);
    const first = part?.first ?? 0;
    // OK after the last of a part.
    if (status !== NO_MORE && status !== OK)
      throw new Error(`record ${first + records.length}: ${describe(status)}`);
    return records.map(({ key, value }, index) => ({
      key: asTheHostSees(key, MAX_KEY_UNITS, `record ${first + index}: the key`),
      value: asTheHostSees(value, MAX_VALUE_UNITS, `record ${first + index}: the value`),
    }));
  }

  async set(pool: number, key: string, value: string): Promise<void> {
    if (key === '') throw new RangeError('a key must not be empty');
    await this.#change(`set ${pool} ${hex(key)} ${hex(value)}`);
  }

  async delete(pool: number, key: string): Promise<void> {
    await this.#change(`delete ${pool} ${hex(key)}`);
  }

  /** Ends host and daemon; a request that is still under way fails. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }

  async #change(command: string): Promise<void> {
    const { status } = await this.#ask(command);
    if (status !== OK) throw new Error(describe(status));
  }

  #ask(command: string): Promise<Answer> {
    const answer = this.#turn.then(() => this.#exchange(command));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  async #exchange(command: string): Promise<Answer> {
    this.#child.stdin.write(`${command}\n`);
    const records: HostRecord[] = [];
    for (;;) {
      const line = JSON.parse(await this.#nextLine()) as Line;
      if ('key' in line) records.push(line);
      else if ('end' in line) return { records, status: line.end };
      else throw new Error(line.error);
    }
  }

  /** Throws when the daemon has died or the host was stopped. */
  async #nextLine(): Promise<string> {
    const { done, value: line } = await this.#lines.next();
    if (!done && !line.startsWith('{"died"')) return line;
    await this.#closed;
    const reason = done
      ? 'the fake host has ended'
      : `hv_kvp_daemon died: ${(JSON.parse(line) as { died: string }).died}`;
    throw new Error(`${reason}\n${this.#complaints}`.trim());
  }
}

let built: Promise<string> | undefined;

/** Compiles the fake host into a folder of this process. */
async function build(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'fake-hyperv-host-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const cc = (...args: string[]) => promisify(execFile)('cc', args);
  await Promise.all([
    cc('-o', join(folder, 'host'), join(SOURCES, 'host.c')),
    cc('-shared', '-fPIC', '-o', join(folder, 'shim.so'), join(SOURCES, 'shim.c'), '-ldl'),
  ]);
  return folder;
}

function findMissing(): string | undefined {
  const missing: string[] = [];
  if (!existsSync(DAEMON)) missing.push(DAEMON);
  if (spawnSync('cc', ['--version']).status !== 0) missing.push('a C compiler');
  if (!existsSync('/usr/include/linux/hyperv.h')) missing.push('linux/hyperv.h');
  if (missing.length === 0) return undefined;
  return `missing ${missing.join(', ')}: apt-get install hyperv-daemons gcc libc6-dev`;
}

/**
 * The kernel decodes until the limit is reached, so it does not mind what comes behind; it never parts a
 * surrogate pair.
 */
function asTheHostSees(hexText: string, maxUnits: number, what: string): string {
  const bytes = Buffer.from(hexText, 'hex');
  const text = bytes.toString('utf8').slice(0, maxUnits);
  const whole = /[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text;
  const valid = Buffer.from(whole);
  if (!bytes.subarray(0, valid.length).equals(valid)) {
    throw new Error(`${what} is not valid UTF-8, the host stops here`);
  }
  return whole;
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}

function describe(status: number): string {
  return `the daemon answered 0x${status.toString(16).padStart(8, '0')}`;
}
