/** What a record, line or span costs others, in nanoseconds of all threads until it is where it goes. */
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import pino from 'pino';
import { interleaved, quantile } from './measure.ts';

const PLAIN = 'target/release/examples/plain_write';
const RECORDS = 20_000;
const ROUNDS = 5;

/** Nanoseconds a record of a plain loop of `write(2)`, so many records a call. */
export function plainWrite(folder: string, batch: number): number {
  const file = join(folder, 'plain');
  const times = Array.from({ length: ROUNDS }, () => {
    const rate = execFileSync(PLAIN, [file, String(RECORDS), String(batch)], { encoding: 'utf8' });
    rmSync(file);
    return 1e9 / Number(rate);
  });
  return quantile(times, 0.5);
}

/** `undefined` where cloud-init is not installed. */
export function cloudInit(folder: string): number | undefined {
  return python('cloud-init.py', join(folder, 'cloud-init'), '2000');
}

/** Nanoseconds a record that its own code takes to read a pool; `undefined` where it is not installed. */
export function readByCloudInit(pool: string): number | undefined {
  return python('read-pool.py', pool);
}

function python(name: string, ...args: string[]): number | undefined {
  const program = fileURLToPath(new URL(`../benchmark/${name}`, import.meta.url));
  const { status, stdout } = spawnSync('/usr/bin/python3', [program, ...args], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) * 1e9 : undefined;
}

export async function nodePeers(folder: string): Promise<Map<string, number>> {
  const file = join(folder, 'pino');
  const log = pino({}, pino.destination({ dest: file, sync: true })).child({ span: 'provision_user' });
  const exporter = {
    export: (_spans: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: async () => {},
  };
  const provider = new BasicTracerProvider({
    spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: 10_000 })],
  });
  const tracer = provider.getTracer('benchmark');
  const costs = await interleaved(
    [
      {
        name: 'pino to a file',
        run: (count) => {
          for (let i = 0; i < count; i++) log.info({ user: 'alice', key_count: i }, 'Configuring SSH keys');
        },
      },
      {
        name: "OpenTelemetry's batch processor, a span",
        run: async (count) => {
          for (let i = 0; i < count; i++) {
            tracer.startSpan('provision_user', { attributes: { user: 'alice', key_count: i } }).end();
          }
          await provider.forceFlush();
        },
      },
    ],
    100,
    1000,
  );
  await provider.shutdown();
  return costs;
}
