/** What an event costs through each layer alone, and through all of them together. */
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { EmitKVPLayer, type Layer, Registry, StderrLayer, target, withDefault } from 'kvp-tracing';
import { OpenTelemetryLayer } from 'kvp-tracing/opentelemetry';
import { interleaved, type Subject } from './measure.ts';

const COUNT = 1000;
const ROUNDS = 200;
/** A span of OpenTelemetry takes 128 events at most. */
const EVENTS = 100;

/** Nanoseconds of an event by the layers that hear of it: `none`, each alone, `all`. */
export async function layerCosts(folder: string): Promise<Map<string, number>> {
  const log = target('my_agent::user');
  const nothing = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} };
  const registries: Registry[] = [];
  const through = (name: string, ...parts: ('kvp' | 'opentelemetry' | 'stderr')[]): Subject => {
    const path = join(folder, `${name}.pool`);
    const layers: Layer[] = [{ name: 'nothing', onEvent() {} }];
    if (parts.includes('kvp')) {
      layers.push(new EmitKVPLayer({ path, vmId: 'vm', maxRecords: 2 ** 31, onProblem: () => {} }));
    }
    if (parts.includes('opentelemetry')) {
      const provider = new BasicTracerProvider({ spanProcessors: [nothing] });
      layers.push(new OpenTelemetryLayer({ provider }));
    }
    if (parts.includes('stderr'))
      layers.push(new StderrLayer({ writer: '/dev/null', filter: 'info', spanEvents: [] }));
    const registry = new Registry();
    for (const layer of layers) registry.with(layer);
    registries.push(registry);
    return {
      name,
      run: (count) =>
        withDefault(registry, () => {
          for (let i = 0; i < count; i += EVENTS) {
            log.inSpan('provision_user', () => {
              for (let k = 0; k < EVENTS; k++)
                log.info({ user: 'alice', key_count: k }, 'Configuring SSH keys');
            });
          }
        }),
      rest: async () => {
        await registry.flush();
        if (parts.includes('kvp')) truncateSync(path);
      },
    };
  };
  const costs = await interleaved(
    [
      through('none'),
      through('kvp', 'kvp'),
      through('opentelemetry', 'opentelemetry'),
      through('stderr', 'stderr'),
      through('all', 'kvp', 'opentelemetry', 'stderr'),
    ],
    ROUNDS,
    COUNT,
  );
  for (const registry of registries) await registry.shutdown();
  return costs;
}
