import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import test from 'ava';
import { FilterError } from '../src/errors.ts';
import { EnvFilter, type EnvFilterOptions } from '../src/filter/env-filter.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import type { LevelName } from '../src/tracing/level.ts';
import { Registry } from '../src/tracing/registry.ts';
import { Target } from '../src/tracing/target.ts';
import { Recorder } from './helpers/recorder.ts';

interface Site {
  kind: 'span' | 'event';
  target: string;
  level: LevelName;
  name: string | null;
  fields: Record<string, unknown>;
  /** Recorded before the span is entered, or while it is. */
  record?: Record<string, unknown>;
  record_while_entered?: Record<string, unknown>;
}

interface Case {
  id: string;
  directives: string;
  constructor?: 'new' | 'builder.parse' | 'builder.parse_lossy';
  default_directive?: string;
  regex?: boolean;
  callsite: Site;
  in_span?: Site | Site[];
  after_exit?: boolean;
  enabled: boolean;
}

interface ParseCase extends Omit<Case, 'callsite' | 'enabled'> {
  error: boolean;
}

const { cases, parse } = JSON.parse(
  readFileSync(new URL('fixtures/env-filter.json', import.meta.url), 'utf8'),
) as { cases: Case[]; parse: ParseCase[] };

function filterOf(one: Case | ParseCase): EnvFilter {
  // Every object has a constructor.
  const how = Object.hasOwn(one, 'constructor') ? one.constructor : 'builder.parse';
  if (how === 'new') return new EnvFilter(one.directives, { onProblem: () => {} });
  const options: EnvFilterOptions = { lenient: how === 'builder.parse_lossy', onProblem: () => {} };
  if (one.default_directive !== undefined) options.default = one.default_directive;
  if (one.regex !== undefined) options.regex = one.regex;
  return EnvFilter.parse(one.directives, options);
}

function valueOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$debug' in value) return { [inspect.custom]: () => value.$debug };
  if ('$f64' in value) return Number(value.$f64);
  return '$i64' in value ? Number(value.$i64) : value;
}

function fieldsOf(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, valueOf(value)]));
}

/** Whether the span or event reaches the recorder. */
function reaches(one: Case, registry: Registry, recorder: Recorder, isLazy: boolean): boolean {
  const given = ({ fields }: Site) => (isLazy ? () => fieldsOf(fields) : fieldsOf(fields));
  const act = (): void => {
    const { kind, target, level, name } = one.callsite;
    recorder.events.length = recorder.spans.length = 0;
    const log = new Target(target);
    if (kind === 'event') log.event(level, given(one.callsite));
    else log.span(String(name), { level, fields: given(one.callsite) });
  };
  const within = ([outer, ...inner]: Site[]): void => {
    if (outer === undefined) return one.after_exit === true ? undefined : act();
    const span = new Target(outer.target).span(String(outer.name), {
      level: outer.level,
      fields: given(outer),
    });
    if (outer.record !== undefined) span.record(fieldsOf(outer.record));
    span.inScope(() => {
      if (outer.record_while_entered !== undefined) span.record(fieldsOf(outer.record_while_entered));
      within(inner);
    });
  };
  withDefault(registry, () => {
    within([one.in_span ?? []].flat());
    if (one.after_exit === true) act();
  });
  return recorder.events.length + recorder.spans.length > 0;
}

for (const isLazy of [false, true]) {
  const fields = isLazy ? 'lazy fields' : 'fields';
  test(`the cases come out as in Rust, as a global filter, with ${fields}`, (t) => {
    for (const one of cases) {
      const recorder = new Recorder();
      const registry = new Registry().with(filterOf(one)).with(recorder);
      t.is(reaches(one, registry, recorder, isLazy), one.enabled, `${one.id} ${one.directives}`);
    }
  });

  test(`the cases come out as in Rust, on one layer, with ${fields}`, (t) => {
    for (const one of cases) {
      const recorder = new Recorder().withFilter(filterOf(one));
      // The other sees all spans, so that they exist.
      const registry = new Registry().with(new Recorder()).with(recorder);
      t.is(reaches(one, registry, recorder, isLazy), one.enabled, `${one.id} ${one.directives}`);
    }
  });
}

test('the texts of the parse cases are refused or not as they say', (t) => {
  for (const one of parse) {
    if (!one.error) t.notThrows(() => filterOf(one), one.id);
    else t.throws(() => filterOf(one), { instanceOf: FilterError, code: 'ERR_KVP_INVALID_FILTER' }, one.id);
  }
});
