/** What an event costs that nobody wants to hear of. Run as a program it measures one kind: `disabled.js KIND`. */
import { execFileSync } from 'node:child_process';
import { argv, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { EnvFilter, type FilterInput, Registry, setGlobalDefault, target } from 'kvp-tracing';
import { quantile } from './measure.ts';

/** The filter of the only layer, by what it is for; none at all is no subscriber. */
const KINDS = new Map<string, (() => FilterInput) | undefined>([
  ['no subscriber', undefined],
  ['level off', () => 'info'],
  ['EnvFilter of 20', () => EnvFilter.parse(`info,${targets(19)}`)],
  ['EnvFilter of 20, 10 of spans', () => EnvFilter.parse(`info,${targets(9)},${spans(10)}`)],
]);

const targets = (count: number) => Array.from({ length: count }, (_, i) => `agent${i}::part=trace`).join();
const spans = (count: number) =>
  Array.from({ length: count }, (_, i) => `[span${i}{user=u${i}}]=trace`).join();

const COUNT = 100_000;
const ROUNDS = 60;

/** Nanoseconds of one event of each kind, each in a process of its own: what ran before makes a difference. */
export function disabledCosts(): Map<string, number> {
  const program = fileURLToPath(import.meta.url);
  return new Map(
    [...KINDS.keys()].map((kind) => [
      kind,
      Number(execFileSync(execPath, [program, kind], { encoding: 'utf8' })),
    ]),
  );
}

function cost(filter: (() => FilterInput) | undefined): number {
  if (filter !== undefined) {
    const layer = new Registry()
      .withFilter('trace')
      .with({ onEvent() {} })
      .with(filter());
    setGlobalDefault(layer);
  }
  const log = target('my_agent::user');
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    for (let i = 0; i < COUNT; i++) log.debug('Configuring SSH keys');
    times.push(((performance.now() - started) * 1e6) / COUNT);
  }
  return quantile(times.slice(10), 0.5);
}

if (argv[1] === fileURLToPath(import.meta.url)) console.log(cost(KINDS.get(argv[2] ?? '')));
