import { BoundedCache } from './bounded-cache.ts';
import type { Decision } from './filter-set.ts';
import { Level, type Verbosity, verbosityOf } from './level.ts';
import type { Metadata } from './metadata.ts';
import { cutName } from './value.ts';

/** How long the names of the fields of one callsite are together. */
const NAMES_MAX = 1024;

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
  #named: BoundedCache<Callsite> | undefined;

  constructor(
    kind: 'span' | 'event',
    target: string,
    level: Level,
    name: string | undefined,
    fieldNames: readonly string[] = [],
  ) {
    this.kind = kind;
    this.target = cutName(target);
    this.level = level;
    this.verbosity = verbosityOf(level) ?? 3;
    this.name = name === undefined ? undefined : cutName(name);
    this.fieldNames = fieldNames;
  }

  /** The same with these names of fields. */
  withFields(names: readonly string[]): Callsite {
    const key = JSON.stringify(names);
    this.#named ??= new BoundedCache({ keyMax: NAMES_MAX });
    const { kind, target, level, name } = this;
    return this.#named.get(key) ?? this.#named.add(key, () => new Callsite(kind, target, level, name, names));
  }
}

const EVENTS = new BoundedCache<Record<Level, Callsite>>();

/** The callsites of a target's events, by their level: always the same ones, so that what filters decide is kept. */
export function eventCallsites(target: string): Record<Level, Callsite> {
  return EVENTS.get(target) ?? EVENTS.add(target, makeEventCallsites);
}

function makeEventCallsites(target: string): Record<Level, Callsite> {
  const callsites = Object.values(Level).map((level) => [
    level,
    new Callsite('event', target, level, undefined),
  ]);
  return Object.fromEntries(callsites) as Record<Level, Callsite>;
}
