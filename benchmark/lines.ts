/** What one INFO event with two fields inside a span costs as a line on /dev/null, beside pino. */
import { Registry, StderrLayer, target, withDefault } from 'kvp-tracing';
import { JsonLayer } from 'kvp-tracing/pino';
import pino from 'pino';
import { interleaved, type Subject } from './measure.ts';

const COUNT = 1000;
const ROUNDS = 200;

export async function lineCosts(): Promise<Map<string, number>> {
  const options = { writer: '/dev/null', filter: 'info', spanEvents: [] } as const;
  const layers = {
    full: new StderrLayer({ ...options, format: 'full' }),
    compact: new StderrLayer({ ...options, format: 'compact' }),
    pretty: new StderrLayer({ ...options, format: 'pretty' }),
    json: new JsonLayer(options),
  };
  const log = target('my_agent::user');
  const subjects = Object.entries(layers).map(([name, layer]): Subject => {
    const registry = new Registry().with(layer);
    const span = withDefault(registry, () => log.span('provision_user', { fields: { user_id: 42 } }));
    return {
      name,
      run: (count) =>
        withDefault(registry, () =>
          span.inScope(() => {
            for (let i = 0; i < count; i++) log.info({ user: 'alice', key_count: i }, 'Configuring SSH keys');
          }),
        ),
    };
  });
  const child = pino({}, pino.destination({ dest: '/dev/null', sync: true })).child({
    span: 'provision_user',
    user_id: 42,
  });
  const peer: Subject = {
    name: 'pino',
    run: (count) => {
      for (let i = 0; i < count; i++) child.info({ user: 'alice', key_count: i }, 'Configuring SSH keys');
    },
  };
  const costs = await interleaved([...subjects, peer], ROUNDS, COUNT);
  for (const layer of Object.values(layers)) await layer.shutdown();
  return costs;
}
