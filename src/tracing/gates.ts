import { dispatch } from './context.ts';
import type { Fields } from './fields.ts';
import type { FieldNames, Filter, Inside } from './filter.ts';
import type { Callsite, Metadata } from './metadata.ts';

/** A filter in its place. A change makes a new one, so that what was found out under the old counts no more. */
export interface Gate {
  readonly filter: Filter;
  /** Whose it is: a layer's bit, or `COMMON`. */
  readonly place: number;
}

/** Before all layers. */
export const COMMON = 0;

/** What passes some gates because of the spans that code runs inside of: up to which verbosity. */
export type Scope = ReadonlyMap<Gate, number>;

/** What filters say of what happens inside of one span. */
export type Insides = ReadonlyMap<Gate, Inside | undefined>;

/** What was found out about a callsite. */
export interface Decision {
  /** The state of the gates under which it holds. */
  readonly under: object;
  /** The layers that hear of it wherever it happens, as bits. */
  readonly always: number;
  /** Those and the ones that hear of it inside of some span. */
  readonly sometimes: number;
  /** The layers whose own filter lets it pass wherever it happens. */
  readonly passing: number;
  /** The common gates that let it pass inside of some span only. */
  readonly ajar: readonly Gate[];
}

/** What hears that a filter threw. */
type Threw = (place: number, thrown: unknown) => void;

/** No filter has to say anything. */
export const NOWHERE: Insides = new Map();
const RANKS: readonly FieldNames[] = ['none', 'given', 'all'];

/** The filters of a registry: those that all must pass, and those of single layers. Decides who hears of what. */
export class Gates {
  /** Nothing more verbose than this passes. */
  verbosity = 0;
  /** What must be known of the names of fields before deciding. */
  fieldNames: Record<Metadata['kind'], FieldNames> = { span: 'none', event: 'none' };
  #all: Gate[] = [];
  /** The layers, as bits, and those that have no filter. */
  #layers = 0;
  #ungated = 0;
  /** Those that let more pass inside of some spans. */
  #dynamic: Gate[] = [];
  /** What they say of the inside of most spans: nothing. */
  #nothing: Insides = NOWHERE;
  /** Whether any span ever did; until then nobody needs to look whether it is inside of one. */
  #opened = false;
  /** Another one after each change. */
  state: object = {};
  readonly #threw: Threw;
  readonly #changed: () => void;

  /** `changed` is called after each change. */
  constructor(threw: Threw, changed: () => void) {
    this.#threw = threw;
    this.#changed = changed;
  }

  /** Adds one that everything must pass. */
  add(filter: Filter): void {
    this.#put([...this.#all, this.#gate(filter, COMMON)]);
  }

  /** Sets the filter of a place, in place of all that were there. */
  set(place: number, filter: Filter | undefined): void {
    const others = this.#all.filter((gate) => gate.place !== place);
    this.#layers |= place;
    this.#put(filter === undefined ? others : [...others, this.#gate(filter, place)]);
  }

  #gate(filter: Filter, place: number): Gate {
    let gate: Gate = { filter, place };
    filter.onChange?.(() => {
      const index = this.#all.indexOf(gate);
      if (index < 0) return;
      gate = { filter, place };
      this.#put(this.#all.with(index, gate));
    });
    return gate;
  }

  #put(all: Gate[]): void {
    this.#all = all;
    this.state = {};
    this.#ungated = this.#layers;
    this.#dynamic = all.filter(({ filter }) => filter.inside !== undefined);
    this.#nothing = new Map(this.#dynamic.map((gate) => [gate, undefined]));
    let common = 5;
    let most = 0;
    for (const { filter, place } of all) {
      this.#ungated &= ~place;
      if (place === COMMON) common = Math.min(common, filter.verbosity);
      else most = Math.max(most, filter.verbosity);
    }
    this.verbosity = Math.min(common, this.#ungated === 0 ? most : 5);
    this.fieldNames = { span: this.#namesFor('span'), event: this.#namesFor('event') };
    this.#changed();
  }

  /** Whether some filter lets more pass inside of some spans. */
  get isDynamic(): boolean {
    return this.#dynamic.length > 0;
  }

  #namesFor(kind: Metadata['kind']): FieldNames {
    const ranks = this.#all.map(({ filter }) => RANKS.indexOf(filter.fieldNames?.(kind) ?? 'given'));
    return RANKS[Math.max(0, ...ranks)] ?? 'given';
  }

  /** Which layers hear of what has this metadata and happens here, as bits. */
  interest(callsite: Callsite): number {
    let { decision } = callsite;
    if (decision?.under !== this.state) decision = this.#decide(callsite);
    if (decision.always === decision.sometimes) return decision.always;
    const scope = dispatch.storage.getStore()?.scope;
    if (scope === undefined) return decision.always;
    const opens = (gate: Gate): boolean => (scope.get(gate) ?? 0) >= callsite.verbosity;
    if (!decision.ajar.every(opens)) return 0;
    let bits = decision.passing;
    for (const gate of this.#dynamic) {
      if (gate.place !== COMMON && opens(gate)) bits |= gate.place;
    }
    return bits;
  }

  #decide(callsite: Callsite): Decision {
    const ajar: Gate[] = [];
    let [passing, passable] = [this.#ungated, this.#ungated];
    let isShut = false;
    let threw = false;
    for (const gate of this.#all) {
      const { filter, place } = gate;
      let passes = false;
      try {
        passes = callsite.verbosity <= filter.verbosity && filter.enabled(callsite);
      } catch (thrown) {
        threw = true;
        this.#threw(place, thrown);
      }
      const opens = filter.inside !== undefined && callsite.verbosity <= filter.verbosity;
      if (passes) passing |= place;
      if (passes || opens) passable |= place;
      if (place === COMMON && !passes) {
        if (opens) ajar.push(gate);
        else isShut = true;
      }
    }
    const decision: Decision = {
      under: this.state,
      always: isShut || ajar.length > 0 ? 0 : passing,
      sometimes: isShut ? 0 : passable,
      passing,
      ajar,
    };
    // A filter that throws is asked again: it may have its reasons at the time.
    if (!threw) {
      callsite.decision = decision;
      const most = this.#opened ? decision.sometimes : decision.always;
      if (most === 0 && this.fieldNames[callsite.kind] === 'none') callsite.never = this.state;
    }
    return decision;
  }

  /**
   * What the filters of those that see a span say of its inside; `known` is what they said before. A filter
   * that was set since the span was made is asked now.
   */
  insides(metadata: Metadata, fields: Fields, seenBy: number, known: Insides): Insides {
    if (this.#dynamic.every((gate) => known.has(gate))) return known;
    const insides = new Map<Gate, Inside | undefined>();
    for (const gate of this.#dynamic) {
      const { filter, place } = gate;
      const isSeen = place === COMMON || (seenBy & place) !== 0;
      const ask = (): Inside | undefined => (isSeen ? filter.inside?.(metadata, fields) : undefined);
      insides.set(gate, known.has(gate) ? known.get(gate) : this.#try(gate, ask));
    }
    // One for all spans that nobody is about: there may be a million.
    return [...insides.values()].some((inside) => inside !== undefined) ? insides : this.#nothing;
  }

  /** The scope of code inside of a span that is entered in the scope `outer`. */
  enter(insides: Insides, outer: Scope | undefined): Scope | undefined {
    let scope: Map<Gate, number> | undefined;
    for (const gate of this.#dynamic) {
      const verbosity = insides.get(gate)?.verbosity ?? 0;
      if (verbosity <= (outer?.get(gate) ?? 0)) continue;
      // Only gates that are in use: a scope may be handed on for as long as the program runs.
      scope ??= new Map(this.#dynamic.map((each) => [each, outer?.get(each) ?? 0]));
      scope.set(gate, verbosity);
    }
    if (scope !== undefined && !this.#opened) {
      this.#opened = true;
      this.state = {};
      this.#changed();
    }
    return scope ?? outer;
  }

  /** Tells filters of fields that were recorded. */
  record(insides: Insides, fields: Fields): void {
    for (const [gate, inside] of insides) this.#try(gate, () => inside?.record(fields));
  }

  #try<R>(gate: Gate, act: () => R): R | undefined {
    try {
      return act();
    } catch (thrown) {
      this.#threw(gate.place, thrown);
      return undefined;
    }
  }
}
