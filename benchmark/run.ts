/** All measurements of one writer in one run, as a table of ratios. `KVP_TRACING_BACKEND` chooses the writer. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { backend } from 'kvp-tracing';
import { eventCosts } from './event.ts';
import { idleLatencies } from './idle.ts';
import { quantile } from './measure.ts';
import { pieces } from './pieces.ts';

const RECORDS = 100_000;
const RUNS = 9;

/** Alternates our program and the plain loop, so that both have the same machine. */
function sustained(folder: string): { ours: number; plain: number; ratio: number } {
  const rates = { ours: [] as number[], plain: [] as number[] };
  execFileSync('cargo', [
    'build',
    '--quiet',
    '--release',
    '--locked',
    '-p',
    'kvp',
    '--example',
    'plain_write',
  ]);
  for (let run = 0; run < RUNS; run++) {
    const file = join(folder, 'sustained.pool');
    const program = ['--import', '@oxc-node/core/register', 'benchmark/sustained.ts', file, String(RECORDS)];
    rates.ours.push(Number(execFileSync(process.execPath, program, { encoding: 'utf8' })));
    rmSync(file);
    const plain = execFileSync('target/release/examples/plain_write', [file, String(RECORDS), '128'], {
      encoding: 'utf8',
    });
    rates.plain.push(Number(plain));
    rmSync(file);
  }
  const ratios = rates.ours.map((rate, run) => rate / (rates.plain[run] ?? Number.NaN));
  return { ours: quantile(rates.ours, 0.5), plain: quantile(rates.plain, 0.5), ratio: quantile(ratios, 0.5) };
}

/** Milliseconds to import the package in a new process. */
function importCost(): number {
  const script =
    "const t = performance.now(); import('kvp-tracing').then(() => console.log(performance.now() - t));";
  const times = Array.from({ length: 9 }, () =>
    Number(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })),
  );
  return quantile(times, 0.5);
}

const folder = mkdtempSync(join(tmpdir(), 'kvp-bench-'));
try {
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, writer: ${backend()}\n`);
  const costs = await eventCosts(folder);
  const cost = (name: string) => costs.get(name) ?? Number.NaN;
  // What the fallback writes it writes in the thread that emits.
  const name = backend() === 'native' ? 'kvp-tracing' : 'kvp-tracing, written';
  console.log(`An INFO event with two fields in a span: ${cost(name).toFixed(0)} ns`);
  for (const peer of ['pino', 'OpenTelemetry', 'appendFileSync', 'writeSync']) {
    console.log(`  ${(cost(name) / cost(peer)).toFixed(2)} × ${peer} (${cost(peer).toFixed(0)} ns)`);
  }
  if (backend() === 'native') {
    for (const [piece, nanoseconds] of await pieces(folder))
      console.log(`  ${nanoseconds.toFixed(0)} ns ${piece}`);
  }
  const { ours, plain, ratio } = sustained(folder);
  console.log(
    `Sustained: ${ours} records/s, ${ratio.toFixed(2)} × a plain loop of write(2) of 128 records (${plain}/s)`,
  );
  const idle = await idleLatencies(folder);
  console.log(
    `Emit to file when idle: p50 ${quantile(idle, 0.5).toFixed(3)} ms, p99 ${quantile(idle, 0.99).toFixed(3)} ms`,
  );
  console.log(`import 'kvp-tracing': ${importCost().toFixed(1)} ms`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
