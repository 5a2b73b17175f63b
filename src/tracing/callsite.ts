import { BoundedCache } from './bounded-cache.ts';
import type { Interest } from './filter-set.ts';
import { Level, type Verbosity, verbosityOf } from './level.ts';
import type { Metadata } from './metadata.ts';
import { cutName } from './value.ts';

/** How long all field names of a callsite together are at most, as JSON. Longer ones are not kept. */
const NAMES_MAX = 1024;

/** The metadata of all spans or events with one kind, target, level, name and list of field names, with the filters' decision about them. */
export class Callsite implements Metadata {
  readonly kind: 'span' | 'event';
  readonly target: string;
  readonly level: Level;
  readonly verbosity: Verbosity;
  readonly name: string | undefined;
  readonly fieldNames: readonly string[];
  /** Which layers want it, as the registry that was asked last decided. */
  interest: Interest | undefined = undefined;
  /** A state of a registry's filters in which no layer wants it, in any span and with any fields. */
  disabledState: object | undefined = undefined;
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

  /** The callsite with these field names. */
  withFields(names: readonly string[]): Callsite {
    const key = JSON.stringify(names);
    this.#named ??= new BoundedCache({ keyMax: NAMES_MAX });
    const { kind, target, level, name } = this;
    return this.#named.get(key) ?? this.#named.add(key, () => new Callsite(kind, target, level, name, names));
  }
}

const EVENTS = new BoundedCache<Record<Level, Callsite>>();

/** The callsites of a target's events by level. They are kept, because the filters' decisions are kept with them. */
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
