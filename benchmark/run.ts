/**
 * All measurements of one writer in one run, as ratios; `KVP_TRACING_BACKEND` chooses the writer. `--check`
 * fails where a ratio is worse by a third than the one in `ratios.json`, `--save` keeps this run's there.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { backend } from 'kvp-tracing';
import { commandLineCosts } from './command-line.ts';
import { deadReceiverCosts } from './dead-receiver.ts';
import { disabledCosts } from './disabled.ts';
import { eventCosts } from './event.ts';
import { idleLatencies } from './idle.ts';
import { layerCosts } from './layers.ts';
import { lineCosts } from './lines.ts';
import { quantile } from './measure.ts';
import { bytesUnsampled, openTelemetryCosts } from './opentelemetry.ts';
import { cloudInit, nodePeers, plainWrite } from './peers.ts';
import { pieces } from './pieces.ts';
import { Ratios } from './ratios.ts';
import { readingCosts } from './reading.ts';
import { spanProcessorCosts } from './span-processor.ts';
import { startCosts } from './start.ts';
import { bytesPerSpan, spanCosts } from './spans.ts';
import { storeCosts } from './store.ts';
import { undiciCosts } from './undici.ts';

const RECORDS = 100_000;
const RUNS = 9;
const BURSTS = 5;
const APPENDS = 'target/release/examples/appends';

/** Alternates our program and the plain loop, so that both have the same machine. */
function sustained(folder: string): { ours: number; plain: number; ratio: number } {
  const rates = { ours: [] as number[], plain: [] as number[] };
  for (let run = 0; run < RUNS; run++) {
    const file = join(folder, 'sustained.pool');
    const program = [join(import.meta.dirname, 'sustained.js'), file, String(RECORDS)];
    rates.ours.push(Number(execFileSync(process.execPath, program, { encoding: 'utf8' })));
    rmSync(file);
    rates.plain.push(1e9 / plainWrite(folder, 128));
  }
  const ratios = rates.ours.map((rate, run) => rate / (rates.plain[run] ?? Number.NaN));
  return { ours: quantile(rates.ours, 0.5), plain: quantile(rates.plain, 0.5), ratio: quantile(ratios, 0.5) };
}

interface Burst {
  longest: number;
  megabytes: number;
  dropped: number;
  isAccountedFor: boolean;
}

function burst(path?: string): Burst {
  const program = [join(import.meta.dirname, 'burst.js'), ...(path === undefined ? [] : [path])];
  const { stdout } = spawnSync(process.execPath, program, { encoding: 'utf8' });
  return JSON.parse(stdout) as Burst;
}

/** The program with the layer, without it, and without it while something else computes beside it. */
async function bursts(folder: string): Promise<Record<'full' | 'empty' | 'beside', Burst>> {
  const runs = { full: [] as Burst[], empty: [] as Burst[], beside: [] as Burst[] };
  const file = join(folder, 'burst.pool');
  for (let run = 0; run < BURSTS; run++) {
    runs.full.push(burst(file));
    rmSync(file);
    runs.empty.push(burst());
    const busy = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
    runs.beside.push(burst());
    busy.kill('SIGKILL');
    await once(busy, 'close');
  }
  const median = (bursts: Burst[]): Burst => ({
    longest: quantile(
      bursts.map(({ longest }) => longest),
      0.5,
    ),
    megabytes: quantile(
      bursts.map(({ megabytes }) => megabytes),
      0.5,
    ),
    dropped: quantile(
      bursts.map(({ dropped }) => dropped),
      0.5,
    ),
    isAccountedFor: bursts.every(({ isAccountedFor }) => isAccountedFor),
  });
  return { full: median(runs.full), empty: median(runs.empty), beside: median(runs.beside) };
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

const ratios = new Ratios(backend());
const folder = mkdtempSync(join(tmpdir(), 'kvp-bench-'));
try {
  execFileSync('cargo', ['build', '--quiet', '--release', '--locked', '-p', 'kvp', '--examples']);
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, writer: ${backend()}\n`);
  const isNative = backend() === 'native';

  const costs = await eventCosts(folder);
  const cost = (name: string) => costs.get(name) ?? Number.NaN;
  // What the fallback writes it writes in the thread that emits.
  const event = cost(isNative ? 'kvp-tracing' : 'kvp-tracing, written');
  console.log(`An INFO event with two fields in a span: ${event.toFixed(0)} ns`);
  for (const peer of ['pino', 'OpenTelemetry', 'appendFileSync', 'writeSync']) {
    const ratio = ratios.cost(`event / ${peer}`, event / cost(peer));
    console.log(`  ${ratio} × ${peer} (${cost(peer).toFixed(0)} ns)`);
  }
  if (isNative) {
    const parts = await pieces(folder);
    const call = parts.get('the native call with a flat text') ?? Number.NaN;
    for (const [piece, nanoseconds] of parts) console.log(`  ${nanoseconds.toFixed(0)} ns ${piece}`);
    console.log(`  the writer alone: ${ratios.cost('writer alone / pino', call / cost('pino'))} × pino`);
  }

  const lines = await lineCosts();
  const line = lines.get('pino') ?? Number.NaN;
  console.log(`The same event as a line on /dev/null, × pino (${line.toFixed(0)} ns):`);
  for (const format of ['full', 'compact', 'pretty', 'json']) {
    console.log(`  ${ratios.cost(`${format} / pino`, (lines.get(format) ?? Number.NaN) / line)} ${format}`);
  }

  const spans = await spanCosts();
  const spanCost = (name: string) => spans.get(name) ?? Number.NaN;
  const run = spanCost('als.run');
  console.log(
    `A span without layers: ${spanCost('span').toFixed(0)} ns, ${bytesPerSpan().toFixed(0)} bytes while it is open`,
  );
  const around = ratios.cost(
    'instrument / als.run',
    (spanCost('instrument') - spanCost('span, entered')) / run,
  );
  console.log(`  instrument around it: ${around} × als.run (${run.toFixed(0)} ns)`);
  const disabled = ratios.cost('instrument, disabled / als.run', spanCost('instrument, disabled') / run);
  console.log(`  instrument, disabled: ${disabled} × als.run`);
  console.log(`  a span that is off: ${spanCost('span, off').toFixed(0)} ns`);
  const layers = await layerCosts(folder);
  const through = (name: string) => layers.get(name) ?? Number.NaN;
  const alone = through('kvp') + through('opentelemetry') + through('stderr');
  console.log(
    `An event through all three layers: ${through('all').toFixed(0)} ns, ${ratios.cost('all layers / their sum', through('all') / alone)} × the sum of them alone (pool ${through('kvp').toFixed(0)}, OpenTelemetry ${through('opentelemetry').toFixed(0)}, stderr ${through('stderr').toFixed(0)}, none ${through('none').toFixed(0)})`,
  );
  const traces = await openTelemetryCosts();
  const traced = (name: string) => traces.get(name) ?? Number.NaN;
  const byHand = ratios.cost('OpenTelemetry span / by hand', traced('layer') / traced('by hand'));
  const unsampled = traced('layer, not sampled') / traced('by hand, not sampled');
  console.log(
    `A span with an event through OpenTelemetry's batch processor: ${byHand} × by hand (${traced('by hand').toFixed(0)} ns), not sampled ${ratios.cost('OpenTelemetry span, not sampled / by hand', unsampled)} ×`,
  );
  const bytes = bytesUnsampled();
  console.log(
    `  open and not sampled: ${(bytes.layer - bytes.none).toFixed(0)} bytes more than a span without layers; by hand ${bytes.byHand.toFixed(0)}`,
  );

  const requests = await undiciCosts();
  const asked = (name: string) => (requests.get(name) ?? Number.NaN) - (requests.get('none') ?? Number.NaN);
  const bridge = ratios.cost('undici bridge / instrumentation', asked('bridge') / asked('instrumentation'));
  console.log(
    `A request of undici with a span and its context: ${asked('bridge').toFixed(0)} ns more, ${bridge} × OpenTelemetry's instrumentation (${asked('instrumentation').toFixed(0)} ns)`,
  );

  const dead = deadReceiverCosts(folder);
  console.log(
    `Provisioning for 2 s with a collector that is not there: ${ratios.cost('provisioning / without export', dead.provisioned)} ×, with the initialisation ${ratios.cost('provisioning, initialised / without export', dead.initialised)} ×`,
  );

  const processors = await spanProcessorCosts(folder);
  const added = (name: string) =>
    (processors.get(name) ?? Number.NaN) - (processors.get('none') ?? Number.NaN);
  const processor = added(isNative ? 'kvp' : 'kvp, written');
  console.log(
    `A span of OpenTelemetry (${processors.get('none')?.toFixed(0)} ns) through KvpSpanProcessor: ${processor.toFixed(0)} ns more`,
  );
  for (const peer of ['batch', 'batch, exported']) {
    const ratio = ratios.cost(`span processor / ${peer}`, processor / added(peer));
    console.log(`  ${ratio} × ${peer} (${added(peer).toFixed(0)} ns)`);
  }

  console.log('An event that nobody wants to hear of:');
  for (const [kind, nanoseconds] of disabledCosts()) console.log(`  ${nanoseconds.toFixed(1)} ns ${kind}`);

  const { ours, plain, ratio } = sustained(folder);
  const shown = ratios.rate('sustained / plain loop of 128', ratio);
  console.log(
    `Sustained: ${ours} records/s, ${shown} × a plain loop of write(2) of 128 records (${plain.toFixed(0)}/s)`,
  );

  const idle = await idleLatencies(folder);
  const [p50, p99] = [quantile(idle, 0.5), quantile(idle, 0.99)];
  console.log(`Emit to file when idle: p50 ${p50.toFixed(3)} ms, p99 ${p99.toFixed(3)} ms`);

  const { full, empty, beside } = await bursts(folder);
  console.log(
    `A million events in one go: ${(full.megabytes - empty.megabytes).toFixed(1)} MB more than without a layer, ${full.dropped} dropped, ${full.isAccountedFor ? 'all' : 'NOT ALL'} accounted for`,
  );
  console.log(
    `  the longest call ${full.longest.toFixed(2)} ms; ${empty.longest.toFixed(2)} without a layer, ${beside.longest.toFixed(2)} without one beside a program that computes`,
  );

  const store = await storeCosts(folder);
  const one = store.get('writeSync') ?? Number.NaN;
  console.log(`The store, a record, × one writeSync of a record (${one.toFixed(0)} ns):`);
  for (const name of ['append', 'append of 64']) {
    console.log(`  ${ratios.cost(`${name} / writeSync`, (store.get(name) ?? Number.NaN) / one)} ${name}`);
  }
  const set = store.get('set in 1,024') ?? Number.NaN;
  console.log(
    `  ${ratios.cost('set in 1,024 / writeSync', set / one)} set in a pool of 1,024 (${(set / 1e6).toFixed(2)} ms)`,
  );
  const core = isNative ? execFileSync(APPENDS, [folder], { encoding: 'utf8' }).trim().split('\n') : [];
  for (const line of core) {
    const [records, nanoseconds, ratio] = line.split(' ');
    console.log(
      `  ${ratios.cost(`core: append of ${records} / write`, Number(ratio))} append of ${records} in the core alone (${nanoseconds} ns)`,
    );
  }

  const { record, cloudInit: byPython, replay, rate, memory } = await readingCosts(folder);
  console.log(
    `Reading a full pool: ${((record * 1024) / 1e6).toFixed(2)} ms; 100,000 records: ${Math.round(rate)}/s, memory grows by ${memory.toFixed(2)} × the file`,
  );
  console.log(`  replayed to OpenTelemetry without network: ${replay.toFixed(1)} ms`);
  if (byPython !== undefined) {
    console.log(
      `  ${ratios.cost("reading / cloud-init's code", record / byPython)} × cloud-init's code (${byPython.toFixed(0)} ns a record)`,
    );
  }

  const commands = commandLineCosts(folder);
  const bare = commands.get('node') ?? Number.NaN;
  console.log(`The command line on a full pool, × node -e 0 (${bare.toFixed(0)} ms):`);
  for (const [name, milliseconds] of commands) {
    if (name !== 'node') console.log(`  ${ratios.cost(`${name} / node`, milliseconds / bare)} ${name}`);
  }

  const { node, steps } = startCosts(folder);
  console.log(
    `A start, × what Node.js takes to start (${node.milliseconds.toFixed(0)} ms of processor time):`,
  );
  for (const [name, { milliseconds, megabytes }] of steps) {
    const ratio = ratios.cost(`${name} / start of node`, milliseconds / node.milliseconds);
    console.log(`  ${ratio} ${name}: ${milliseconds.toFixed(1)} ms, ${megabytes.toFixed(1)} MB`);
  }

  const write = plainWrite(folder, 1);
  console.log(`Peers, a record, line or span, × one write(2) of a record (${write.toFixed(0)} ns):`);
  const peers = new Map([
    ...[64, 128].map((batch) => [`write(2) of ${batch}`, plainWrite(folder, batch)] as const),
    ...(await nodePeers(folder)),
  ]);
  const python = cloudInit(folder);
  if (python === undefined) console.log("  cloud-init's handler is left out: apt-get install cloud-init");
  else peers.set("cloud-init's handler", python);
  for (const [name, nanoseconds] of peers) console.log(`  ${(nanoseconds / write).toFixed(2)} ${name}`);

  console.log(`import 'kvp-tracing': ${importCost().toFixed(1)} ms`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

if (process.argv.includes('--save')) ratios.save();
if (process.argv.includes('--check')) {
  const regressions = ratios.regressions();
  for (const regression of regressions) console.error(`worse by a third: ${regression}`);
  if (regressions.length > 0) process.exitCode = 1;
}
