import { inspect } from 'node:util';
import type { LevelName } from '../../src/tracing/level.ts';

/** A value as the oracle reads it. */
export type OracleValue = boolean | number | string | null | { $f64: number | 'NaN' } | { $debug: string };

export interface OracleSite {
  kind: 'span' | 'event';
  target: string;
  level: LevelName;
  name: string;
  fields: [string, OracleValue][];
  /** Recorded before it is entered. */
  record?: [string, OracleValue][];
}

export interface OracleCase {
  filter: string;
  regex: boolean;
  lossy: boolean;
  /** Entered one in the other. */
  spans: OracleSite[];
  site: OracleSite;
  /** The known differences of grammar that its parts have. */
  grammar: string[];
}

/** Parts that one of the two refuses or reads otherwise, by why. */
const GRAMMAR: [string, string][] = [
  [' a=debug', 'spaces around parts'],
  ['a=debug ', 'spaces around parts'],
  ['a b=info', 'characters of targets'],
  ['a!=info', 'characters of targets'],
  ['@a/b=debug', 'characters of targets'],
  ['.a=trace', 'characters of targets'],
  ['[s{f,g}]=debug', 'commas inside of braces'],
  ['[s{f="a,b"}]=debug', 'commas inside of braces'],
  ['[{f=b{1,2}ob}]=debug', 'commas inside of braces'],
  ['[s{f=a=b}]=debug', 'a second = in a field'],
  ['a=+3', 'levels with a sign or zeros'],
  ['a=03', 'levels with a sign or zeros'],
  ['[s{f=(?P<n>b)}]=debug', 'syntax of regular expressions'],
  ['[s{f=(?i)BOB}]=debug', 'syntax of regular expressions'],
  ['[s{f=[a-z]\\w+}]=debug', 'syntax of regular expressions'],
  ['[s{f=a\\z}]=debug', 'syntax of regular expressions'],
  ['[s{f=(?=b)}]=debug', 'syntax of regular expressions'],
];
/** Parts that both refuse, and two that look as if. */
const ODD = [
  '[]=debug',
  '[{=1}]=debug',
  'a=loud',
  '[s',
  '[s]x',
  '=info',
  '[{}]=info',
  'a=6',
  '!',
  'a=debug=info',
  '[s{f]',
  '[s{f}x]=1',
];
const TARGETS = ['a', 'a::b', 'a::b::c', 'ab', 'b', 'a-b', 'a_b', 'größe', '4', 'c.d/e@f'];
const SPANS = ['s', 't', 'S', 's.1', 'two words', '"'];
const FIELDS = ['f', 'g', 'h'];
const LEVELS = ['debug', 'Info', 'WARN', 'trace', 'off', 'error', '4', '3', '2', '', '5', '1', '0'];
const SITE_LEVELS = ['DEBUG', 'INFO', 'TRACE', 'WARN', 'ERROR'] as const;
const LITERALS = `4 bob true ob b al.* false -1 +4 4.5 4.0 NaN inf 1e0 "bob" "4" ^bob$ al|alice x|li
  Some\\([0-9]\\) [^a-m]+ 0x4 tru bobby .* \\-1`.split(/\s+/);
const VALUES: OracleValue[] = [
  4,
  'bob',
  true,
  'alice',
  -1,
  false,
  42,
  null,
  '4',
  'true',
  'BOB',
  '',
  ...[4.5, 4, 'NaN' as const].map(($f64) => ({ $f64 })),
  ...['bob', '"bob"', 'Some(3)', '4'].map(($debug) => ({ $debug })),
];

/** A generator of numbers below a limit, always the same for a seed (mulberry32). */
export function random(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** A random filter, and spans and a callsite that it may be about. */
export function randomCase(below: (limit: number) => number): OracleCase {
  // The first ones more often, so that filters and callsites meet.
  const one = <T>(from: readonly T[]): T => {
    const { length } = from;
    return from[Math.min(below(length), below(length), below(length))] as T;
  };
  const some = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make);
  const grammar: string[] = [];
  const level = (): string => (below(8) === 0 ? '' : `=${one(LEVELS)}`);
  const field = (): string => (below(3) === 0 ? one(FIELDS) : `${one(FIELDS)}=${one(LITERALS)}`);
  const part = (): string => {
    const choice = below(40);
    if (choice === 0) return ODD[below(ODD.length)] as string;
    if (choice === 1) {
      const [text, why] = GRAMMAR[below(GRAMMAR.length)] as [string, string];
      grammar.push(why);
      return text;
    }
    const target = below(3) === 0 ? '' : one(TARGETS);
    if (choice < 4) return one(LEVELS);
    if (choice < 14) return target + (target === '' ? one(LEVELS) : level());
    if (choice < 22) return `${target}[${one(SPANS)}]${level()}`;
    return `${target}[${below(2) === 0 ? '' : one(SPANS)}{${field()}}]${level()}`;
  };
  const fields = (): [string, OracleValue][] =>
    FIELDS.filter(() => below(2) === 0).map((name) => [name, one(VALUES)]);
  const site = (kind: 'span' | 'event'): OracleSite => {
    const target = one(TARGETS) + (below(4) === 0 ? '::x' : '');
    const own = fields();
    const again = own
      .filter(() => below(3) === 0)
      .map(([name]): [string, OracleValue] => [name, one(VALUES)]);
    const record = kind === 'span' && again.length > 0 ? { record: again } : {};
    return { kind, target, level: one(SITE_LEVELS), name: one(SPANS), fields: own, ...record };
  };
  return {
    filter: [part(), ...some(4, part)].join(','),
    regex: below(5) !== 0,
    lossy: below(3) === 0,
    spans: some(3, () => site('span')),
    site: site(below(2) === 0 ? 'span' : 'event'),
    grammar,
  };
}

/** Which of the differences in docs/reference/filters.md this case may come under. */
export function explanations(one: OracleCase): string[] {
  if (one.grammar.length > 0) return one.grammar;
  const found: string[] = [];
  const spans = [...one.spans, one.site].filter(({ kind }) => kind === 'span');
  if (spans.length > 0 && /(?:^|,)[^[,]*\[\{[^=}]*\}/.test(one.filter)) found.push('fields of spans alone');
  for (const [, name, literal] of one.filter.matchAll(/\{(\w+)=([^}]*)\}/g)) {
    for (const { fields, record = [] } of spans) {
      for (const [field, value] of [...fields, ...record]) {
        if (field === name) found.push(...valueDifferences(String(literal), value, one.regex));
      }
    }
  }
  return found;
}

function valueDifferences(literal: string, value: OracleValue, regex: boolean): string[] {
  const isNumber = /^[+-]?(\d+(\.\d+)?(e\d+)?|inf)$/.test(literal);
  const isFloat = typeof value === 'object' && value !== null && '$f64' in value;
  if (isNumber) {
    const differs = isFloat !== /[.e]|inf/.test(literal) && (isFloat || typeof value === 'number');
    return differs ? ['integers and floating point numbers'] : [];
  }
  const text =
    typeof value === 'string' ? value : ((value as { $debug?: string } | null)?.$debug ?? undefined);
  if (text === undefined) return [];
  const debug = typeof value === 'string' ? JSON.stringify(value) : text;
  if (!regex) {
    return literal !== debug && literal.startsWith(debug) ? ['prefixes where regex is off'] : [];
  }
  if (literal.startsWith('"')) return ['quoted strings'];
  const first = new RegExp(literal.replace('\\-', '-'), 'u').exec(text);
  const rust = first !== null && first.index + first[0].length === text.length;
  return rust === new RegExp(`(?:${literal.replace('\\-', '-')})$`, 'u').test(text)
    ? []
    : ['the first match that ends early'];
}

/** A value of JavaScript that is what the oracle makes of it. */
export function jsValue(value: OracleValue): unknown {
  if (value === null) return undefined;
  if (typeof value !== 'object') return value;
  return '$f64' in value ? Number(value.$f64) : { [inspect.custom]: () => value.$debug };
}
