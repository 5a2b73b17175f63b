/** What reading a pool costs. As a program: reads the pool that it is given, once. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { openPool, type PoolRecord, readDiagnosticsSync } from 'kvp-tracing';
import { replay } from 'kvp-tracing/opentelemetry';
import { interleaved } from './measure.ts';
import { readByCloudInit } from './peers.ts';

/** A full pool, and one that a program ran away with. */
const FULL = 1024;
const RUNAWAY = 100_000;

/** What one reading of a file took. */
interface Once {
  /** Milliseconds. */
  time: number;
  /** What the process grew by at most, in bytes. */
  grown: number;
}

export interface Reading {
  /** Nanoseconds a record of a full pool, by us and by cloud-init's code. */
  record: number;
  cloudInit: number | undefined;
  /** Milliseconds to replay that pool to an exporter that does nothing. */
  replay: number;
  /** The pool that ran away, in a process of its own. */
  rate: number;
  /** How much of its size memory grew by. */
  memory: number;
}

export async function readingCosts(folder: string): Promise<Reading> {
  const full = join(folder, 'full.pool');
  openPool(full).loadSync(spans(FULL));
  const exporter = {
    export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: async () => {},
  };
  const costs = await interleaved(
    [
      { name: 'read', run: () => readDiagnosticsSync(full) },
      { name: 'replay', run: () => replay(full, exporter) },
    ],
    50,
    1,
  );
  const cloudInit = readByCloudInit(full);
  const runaway = join(folder, 'runaway.pool');
  openPool(runaway).loadSync(spans(RUNAWAY));
  const runs = Array.from(
    { length: 5 },
    () =>
      JSON.parse(
        execFileSync(process.execPath, [import.meta.filename, runaway], { encoding: 'utf8' }),
      ) as Once,
  );
  return {
    record: (costs.get('read') ?? Number.NaN) / FULL,
    cloudInit,
    replay: (costs.get('replay') ?? Number.NaN) / 1e6,
    rate: (RUNAWAY / Math.min(...runs.map(({ time }) => time))) * 1000,
    memory: Math.max(...runs.map(({ grown }) => grown)) / statSync(runaway).size,
  };
}

/** Spans of three records each: a start, an event, a finish. */
export function spans(count: number): PoolRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const kind = (['start', 'event', 'finish'] as const)[i % 3] as string;
    const end = kind === 'finish' ? 'success|0.312000' : '|';
    const time = new Date(1.7e12 + i).toISOString();
    const key = `DIAG|agent/1.0|3f2504e0-4f89-41d3-9a0c-0305e82c3301|${kind}|configure_ssh_keys|${randomUUID()}|${time}|none|${end}|0`;
    const fields = { message: 'Configuring SSH keys', user: 'azureuser', key_count: i % 7 };
    return { key, value: JSON.stringify({ target: 'my_agent::user', level: 'INFO', fields }) };
  });
}

const [path] = process.argv.slice(2);
if (path !== undefined && import.meta.filename === process.argv[1]) {
  const before = process.memoryUsage().rss;
  const started = performance.now();
  const { diagnostics } = readDiagnosticsSync(path);
  const time = performance.now() - started;
  if (diagnostics.length * 2560 !== statSync(path).size) throw new Error('not all was read');
  // What it grew to at most; Linux counts that in KiB.
  console.log(JSON.stringify({ time, grown: process.resourceUsage().maxRSS * 1024 - before }));
}
