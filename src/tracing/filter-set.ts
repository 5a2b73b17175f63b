import { dispatch, type Hook } from './context.ts';
import type { Fields } from './fields.ts';
import type { FieldNames, Filter, SpanMatch } from './filter.ts';
import type { Callsite } from './callsite.ts';
import type { Metadata } from './metadata.ts';

/** A filter in its owner. A change makes a new one, so that what was found out under the old counts no more. */
export interface FilterSlot {
  readonly filter: Filter;
  /** Whose it is: a layer's bit, or `COMMON`. */
  readonly owner: number;
  /** What counts what it does while it is asked. */
  readonly hook: Hook;
}

/** Before all layers. */
export const GLOBAL = 0;

/** What passes some filters because of the spans that code runs inside of: up to which verbosity. */
export type ScopeLevels = ReadonlyMap<FilterSlot, number>;

/** What filters say of what happens inside of one span. */
export type SpanMatches = ReadonlyMap<FilterSlot, SpanMatch | undefined>;

/** What was found out about a callsite. */
export interface Interest {
  /** The state of the filters under which it holds. */
  readonly validFor: object;
  /** The layers that hear of it wherever it happens, as bits. */
  readonly always: number;
  /** Those and the ones that hear of it inside of some span. */
  readonly sometimes: number;
  /** The layers whose own filter lets it pass wherever it happens. */
  readonly passing: number;
  /** The common filters that let it pass inside of some span only. */
  readonly needsScope: readonly FilterSlot[];
}

/** What hears that a filter threw. */
type Threw = (owner: number, thrown: unknown) => void;

/** No filter has to say anything. */
export const NO_SPAN_MATCHES: SpanMatches = new Map();
const NO_HOOK: Hook = { suppress: () => {} };
const RANKS: readonly FieldNames[] = ['none', 'given', 'all'];

/** The filters of a registry: those that all must pass, and those of single layers. Decides who hears of what. */
export class FilterSet {
  /** Nothing more verbose than this passes. */
  verbosity = 0;
  /** What must be known of the names of fields before deciding. */
  fieldNames: Record<Metadata['kind'], FieldNames> = { span: 'none', event: 'none' };
  #all: FilterSlot[] = [];
  /** The layers, as bits, and those that have no filter. */
  #layers = 0;
  #unfiltered = 0;
  /** Those that let more pass inside of some spans. */
  #dynamic: FilterSlot[] = [];
  /** What they say of the inside of most spans: nothing. */
  #nothing: SpanMatches = NO_SPAN_MATCHES;
  /** Whether any span ever did; until then nobody needs to look whether it is inside of one. */
  #opened = false;
  /** Another one after each change. */
  state: object = {};
  readonly #threw: Threw;
  readonly #hookOf: (owner: number) => Hook;
  #isAsking = false;
  readonly #changed: () => void;

  /** `changed` is called after each change; `hookOf` says what counts what the filters of an owner emit while they are asked. */
  constructor(threw: Threw, changed: () => void, hookOf = (_owner: number): Hook => NO_HOOK) {
    this.#threw = threw;
    this.#hookOf = hookOf;
    this.#changed = changed;
  }

  /** Adds one that everything must pass. */
  add(filter: Filter): void {
    this.#put([...this.#all, this.#slot(filter, GLOBAL)]);
  }

  /** Sets the filter of a owner, in owner of all that were there. */
  set(owner: number, filter: Filter | undefined): void {
    const others = this.#all.filter((slot) => slot.owner !== owner);
    this.#layers |= owner;
    this.#put(filter === undefined ? others : [...others, this.#slot(filter, owner)]);
  }

  #slot(filter: Filter, owner: number): FilterSlot {
    const hook = this.#hookOf(owner);
    let slot: FilterSlot = { filter, owner, hook };
    filter.onChange?.(() => {
      const index = this.#all.indexOf(slot);
      if (index < 0) return;
      slot = { filter, owner, hook };
      this.#put(this.#all.with(index, slot));
    });
    return slot;
  }

  #put(all: FilterSlot[]): void {
    this.#all = all;
    this.state = {};
    this.#unfiltered = this.#layers;
    this.#dynamic = all.filter(({ filter }) => filter.onSpan !== undefined);
    this.#nothing = new Map(this.#dynamic.map((slot) => [slot, undefined]));
    let common = 5;
    let most = 0;
    for (const { filter, owner } of all) {
      this.#unfiltered &= ~owner;
      if (owner === GLOBAL) common = Math.min(common, filter.verbosity);
      else most = Math.max(most, filter.verbosity);
    }
    this.verbosity = Math.min(common, this.#unfiltered === 0 ? most : 5);
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
  enabledLayers(callsite: Callsite): number {
    let { interest } = callsite;
    if (interest?.validFor !== this.state) interest = this.#decide(callsite);
    if (interest.always === interest.sometimes) return interest.always;
    const scope = dispatch.storage.getStore()?.scope;
    if (scope === undefined) return interest.always;
    const opens = (slot: FilterSlot): boolean => (scope.get(slot) ?? 0) >= callsite.verbosity;
    if (!interest.needsScope.every(opens)) return 0;
    let bits = interest.passing;
    for (const slot of this.#dynamic) {
      if (slot.owner !== GLOBAL && opens(slot)) bits |= slot.owner;
    }
    return bits;
  }

  #decide(callsite: Callsite): Interest {
    if (this.#isAsking) return this.#silence();
    const needsScope: FilterSlot[] = [];
    let [passing, passable] = [this.#unfiltered, this.#unfiltered];
    let isShut = false;
    let threw = false;
    for (const slot of this.#all) {
      const { filter, owner } = slot;
      let passes = false;
      if (callsite.verbosity <= filter.verbosity) {
        try {
          passes = this.#ask(slot, () => filter.enabled(callsite));
        } catch (thrown) {
          threw = true;
          this.#threw(owner, thrown);
        }
      }
      const opens = filter.onSpan !== undefined && callsite.verbosity <= filter.verbosity;
      if (passes) passing |= owner;
      if (passes || opens) passable |= owner;
      if (owner === GLOBAL && !passes) {
        if (opens) needsScope.push(slot);
        else isShut = true;
      }
    }
    const interest: Interest = {
      validFor: this.state,
      always: isShut || needsScope.length > 0 ? 0 : passing,
      sometimes: isShut ? 0 : passable,
      passing,
      needsScope,
    };
    // A filter that throws is asked again: it may have its reasons at the time.
    if (!threw) {
      callsite.interest = interest;
      const most = this.#opened ? interest.sometimes : interest.always;
      if (most === 0 && this.fieldNames[callsite.kind] === 'none') callsite.disabledState = this.state;
    }
    return interest;
  }

  /**
   * What the filters of those that see a span say of its inside; `known` is what they said before. A filter
   * that was set since the span was made is asked now.
   */
  matchesOf(metadata: Metadata, fields: Fields, layerMask: number, known: SpanMatches): SpanMatches {
    if (this.#dynamic.every((slot) => known.has(slot))) return known;
    const matches = new Map<FilterSlot, SpanMatch | undefined>();
    for (const slot of this.#dynamic) {
      const { filter, owner } = slot;
      const isSeen = owner === GLOBAL || (layerMask & owner) !== 0;
      const ask = (): SpanMatch | undefined => (isSeen ? filter.onSpan?.(metadata, fields) : undefined);
      matches.set(slot, known.has(slot) ? known.get(slot) : this.#try(slot, ask));
    }
    // One for all spans that nobody is about: there may be a million.
    return [...matches.values()].some((match) => match !== undefined) ? matches : this.#nothing;
  }

  /** The scope of code inside of a span that is entered in the scope `outer`. */
  enter(matches: SpanMatches, outer: ScopeLevels | undefined): ScopeLevels | undefined {
    let scope: Map<FilterSlot, number> | undefined;
    for (const slot of this.#dynamic) {
      const verbosity = matches.get(slot)?.verbosity ?? 0;
      if (verbosity <= (outer?.get(slot) ?? 0)) continue;
      // Only filters that are in use: a scope may be handed on for as long as the program runs.
      scope ??= new Map(this.#dynamic.map((each) => [each, outer?.get(each) ?? 0]));
      scope.set(slot, verbosity);
    }
    if (scope !== undefined && !this.#opened) {
      this.#opened = true;
      this.state = {};
      this.#changed();
    }
    return scope ?? outer;
  }

  /** Tells filters of fields that were recorded. */
  record(matches: SpanMatches, fields: Fields): void {
    for (const [slot, match] of matches) this.#try(slot, () => match?.record(fields));
  }

  /** Has a filter do something; what it emits meanwhile would be asked about again, and so on. */
  #ask<R>(slot: FilterSlot, act: () => R): R {
    const { hook } = dispatch;
    const isAsking = this.#isAsking;
    dispatch.hook = slot.hook;
    this.#isAsking = true;
    try {
      return act();
    } finally {
      dispatch.hook = hook;
      this.#isAsking = isAsking;
    }
  }

  /** Of what a filter emits while it is asked: nobody hears of it. */
  #silence(): Interest {
    dispatch.hook?.suppress();
    return { validFor: this.state, always: 0, sometimes: 0, passing: 0, needsScope: [] };
  }

  #try<R>(slot: FilterSlot, act: () => R): R | undefined {
    try {
      return this.#ask(slot, act);
    } catch (thrown) {
      this.#threw(slot.owner, thrown);
      return undefined;
    }
  }
}
