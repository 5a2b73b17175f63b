import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { FilterError } from '../src/errors.ts';
import { EnvFilter } from '../src/filter/env-filter.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import {
  explanations,
  jsValue,
  type OracleCase,
  type OracleSite,
  random,
  randomCase,
} from './helpers/env-filter-cases.ts';
import { has } from './helpers/pool-folder.ts';
import { Recorder } from './helpers/recorder.ts';

/** How many cases, and where they begin: `npm run test:differential -- COUNT SEED`. */
const COUNT = Number(process.env['DIFFERENTIAL_COUNT'] ?? 400);
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 1);

const MANIFEST = fileURLToPath(new URL('fixtures/env-filter-oracle/Cargo.toml', import.meta.url));
const TARGET = fileURLToPath(new URL('../target/env-filter-oracle', import.meta.url));

const cargo = (args: string[], input?: string) =>
  spawnSync('cargo', args, {
    encoding: 'utf8',
    env: { ...process.env, CARGO_TARGET_DIR: TARGET },
    maxBuffer: 2 ** 28,
    ...(input === undefined ? {} : { input }),
  });

function missing(): string | undefined {
  if (cargo(['--version']).status !== 0) return 'missing cargo: https://rustup.rs';
  const { status, stderr } = cargo(['build', '--quiet', '--locked', '--manifest-path', MANIFEST]);
  return status === 0 ? undefined : `cargo could not build the oracle: ${stderr}`;
}

function oracle(cases: readonly OracleCase[]): string[] {
  const input = cases.map((one) => JSON.stringify(one)).join('\n');
  const { status, stdout, stderr } = cargo(
    ['run', '--quiet', '--locked', '--manifest-path', MANIFEST],
    input,
  );
  if (status !== 0) throw new Error(stderr);
  return stdout.trimEnd().split('\n');
}

/** What this package decides, as a global filter or on a layer. */
function ours(one: OracleCase, isGlobal: boolean): string {
  let filter: EnvFilter;
  try {
    filter = EnvFilter.parse(one.filter, { regex: one.regex, lenient: one.lossy, onProblem: () => {} });
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return 'error';
  }
  const recorder = new Recorder();
  const registry = new Registry().with(isGlobal ? filter : null);
  registry.with(isGlobal ? recorder : recorder.withFilter(filter));
  const objectOf = (fields: OracleSite['fields']): object =>
    Object.fromEntries(fields.map(([name, value]) => [name, jsValue(value)]));
  const act = ([outer, ...inner]: OracleSite[]): void => {
    if (outer !== undefined) {
      const { level, name, fields, record } = outer;
      const span = target(outer.target).span(name, { level, fields: objectOf(fields) });
      if (record !== undefined) span.record(objectOf(record));
      return span.inScope(() => act(inner));
    }
    const { kind, level, name, fields } = one.site;
    recorder.spans.length = 0;
    const log = target(one.site.target);
    if (kind === 'span') log.span(name, { level, fields: objectOf(fields) });
    else log.event(level, objectOf(fields));
  };
  withDefault(registry, () => act(one.spans));
  return String(recorder.spans.length + recorder.events.length > 0);
}

test('EnvFilter decides as that of tracing-subscriber, but for what docs/reference/filters.md says', (t) => {
  t.timeout(600_000);
  if (!has(t, missing())) return;
  const below = random(SEED);
  const cases = Array.from({ length: COUNT }, () => randomCase(below));
  const answers = oracle(cases);
  t.is(answers.length, cases.length);
  const unexplained: string[] = [];
  const counts = new Map<string, number>([['agree', 0]]);
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  cases.forEach((one, index) => {
    const rust = answers[index] as string;
    const global = ours(one, true);
    t.is(ours(one, false), global, `on a layer: ${JSON.stringify(one)}`);
    count(`Rust says ${rust}`);
    if (global === rust) return count('agree');
    const [why] = explanations(one);
    if (why === undefined) unexplained.push(`${global}, Rust says ${rust}: ${JSON.stringify(one)}`);
    count(why ?? 'unexplained');
  });
  t.log(Object.fromEntries(counts));
  t.deepEqual(unexplained.slice(0, 5), []);
});
