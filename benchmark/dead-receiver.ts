/** What a collector that is not there costs a program that provisions for two seconds. As a program: that one. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { initializeTracing, target } from 'kvp-tracing';
import { quantile } from './measure.ts';

const RUNS = 7;
const STEPS = 20;
const STEP = 100;
/** Where nobody listens. */
const DEAD = 'http://127.0.0.1:9';

/** Milliseconds of one run. */
interface Run {
  initialised: number;
  provisioned: number;
}

/** Medians as ratios: the provisioning alone, and with the initialisation; what comes after it is the deadline's. */
export function deadReceiverCosts(folder: string): Record<keyof Run, number> {
  const run = (env: NodeJS.ProcessEnv): Run =>
    JSON.parse(
      execFileSync(process.execPath, [import.meta.filename, join(folder, 'dead.pool')], {
        encoding: 'utf8',
        env: { ...process.env, ...env },
      }),
    ) as Run;
  const runs = Array.from({ length: RUNS }, () => ({
    without: run({}),
    with: run({ OTEL_EXPORTER_OTLP_ENDPOINT: DEAD }),
  }));
  const median = (which: 'without' | 'with', time: (run: Run) => number): number =>
    quantile(
      runs.map((pair) => time(pair[which])),
      0.5,
    );
  const ratio = (time: (run: Run) => number): number => median('with', time) / median('without', time);
  return {
    provisioned: ratio(({ provisioned }) => provisioned),
    initialised: ratio(({ initialised, provisioned }) => initialised + provisioned),
  };
}

const [path] = process.argv.slice(2);
if (path !== undefined && import.meta.filename === process.argv[1]) {
  const started = performance.now();
  await initializeTracing({
    service: 'benchmark',
    kvp: { path, vmId: 'vm' },
    stderr: false,
    onProblem: () => {},
  });
  const initialised = performance.now();
  const log = target('benchmark');
  for (let i = 0; i < STEPS; i++) {
    await log.inSpan('step', async () => {
      for (let j = 0; j < 10; j++) log.info({ j }, 'doing');
      await sleep(STEP);
    });
  }
  const times: Run = { initialised: initialised - started, provisioned: performance.now() - initialised };
  console.log(JSON.stringify(times));
  process.exit();
}
