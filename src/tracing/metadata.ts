import type { Decision } from './filter-set.ts';
import { Level, type Verbosity, verbosityOf } from './level.ts';

/** What is known of a span or event before its fields are looked at. */
export interface Metadata {
  readonly kind: 'span' | 'event';
  readonly target: string;
  readonly level: Level;
  /** The level as a number, 1 (ERROR) to 5 (TRACE). */
  readonly verbosity: Verbosity;
  /** The span's name; events have none. */
  readonly name: string | undefined;
  /** The names of the fields, as far as a filter wants to know them; see `Filter.fieldNames`. */
  readonly fieldNames: readonly string[];
}

/** More names than this are made up as the program goes, and not worth keeping. */
const KEPT_MAX = 1024;

/** The metadata of all spans or events of one kind, target, level, name and set of field names. */
export class Callsite implements Metadata {
  readonly kind: 'span' | 'event';
  readonly target: string;
  readonly level: Level;
  readonly verbosity: Verbosity;
  readonly name: string | undefined;
  readonly fieldNames: readonly string[];
  /** What the registry that was asked last decided. */
  decision: Decision | undefined = undefined;
  /** The state of a registry's filters under which nobody hears of it, wherever and with whatever fields. */
  never: object | undefined = undefined;
  #named: Map<string, Callsite> | undefined;

  constructor(
    kind: 'span' | 'event',
    target: string,
    level: Level,
    name: string | undefined,
    fieldNames: readonly string[] = [],
  ) {
    this.kind = kind;
    this.target = target;
    this.level = level;
    this.verbosity = verbosityOf(level) ?? 3;
    this.name = name;
    this.fieldNames = fieldNames;
  }

  /** The same with these names of fields. */
  withFields(names: readonly string[]): Callsite {
    const key = JSON.stringify(names);
    const known = this.#named?.get(key);
    if (known !== undefined) return known;
    const { kind, target, level, name } = this;
    return keep((this.#named ??= new Map()), key, new Callsite(kind, target, level, name, names));
  }
}

export function spanMetadata(target: string, level: Level, name: string): Callsite {
  return new Callsite('span', target, level, name);
}

const EVENTS = new Map<string, Record<Level, Callsite>>();

/** Always the same for one target and level, so that decisions about it are kept. */
export function eventMetadata(target: string, level: Level): Callsite {
  return eventsOf(target)[level];
}

/** The metadata of a target's events, by their level. */
export function eventsOf(target: string): Record<Level, Callsite> {
  const known = EVENTS.get(target);
  if (known !== undefined) return known;
  const made = Object.fromEntries(
    Object.values(Level).map((level) => [level, new Callsite('event', target, level, undefined)]),
  ) as Record<Level, Callsite>;
  return keep(EVENTS, target, made);
}

/** Keeps a value under a key, and forgets all others when they are too many. */
export function keep<V>(map: Map<string, V>, key: string, value: V): V {
  if (map.size >= KEPT_MAX) map.clear();
  map.set(key, value);
  return value;
}
