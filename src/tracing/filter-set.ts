import { dispatch, type Hook } from './context.ts';
import type { Fields } from './fields.ts';
import type { FieldNames, Filter, SpanMatch } from './filter.ts';
import type { Callsite } from './callsite.ts';
import type { Metadata } from './metadata.ts';

/** A filter and its owner. A change of the filter makes a new slot, so that results for the old slot no longer count. */
export interface FilterSlot {
  readonly filter: Filter;
  /** The bit of the layer whose filter it is, or `GLOBAL`. */
  readonly owner: number;
  /** Counts what the filter emits while it is called. */
  readonly hook: Hook;
}

/** The owner of filters that everything must pass, whatever the layer. */
export const GLOBAL = 0;

/** The most verbose level that each filter allows inside of the current spans. */
export type ScopeLevels = ReadonlyMap<FilterSlot, number>;

/** What filters let pass inside of one span. */
export type SpanMatches = ReadonlyMap<FilterSlot, SpanMatch | undefined>;

/** Which layers want the spans or events of a callsite, as bits. */
export interface Interest {
  /** The state of the filters for which it holds. */
  readonly validFor: object;
  /** The layers that want it in any span. */
  readonly always: number;
  /** The layers in `always`, and those that want it only inside of some spans. */
  readonly sometimes: number;
  /** As `always`, but without the global filters. */
  readonly passing: number;
  /** The global filters that let it pass only inside of some spans. */
  readonly needsScope: readonly FilterSlot[];
}

/** Called with what a filter threw. */
type Threw = (owner: number, thrown: unknown) => void;

/** The matches of a span before any filter was asked. */
export const NO_SPAN_MATCHES: SpanMatches = new Map();
const NO_HOOK: Hook = { suppress: () => {} };
const RANKS: readonly FieldNames[] = ['none', 'given', 'all'];

/** The filters of a registry, global ones and those of layers. Decides which layers want a span or event. */
export class FilterSet {
  /** Nothing more verbose than this passes. */
  verbosity = 0;
  /** Which field names the filters need. */
  fieldNames: Record<Metadata['kind'], FieldNames> = { span: 'none', event: 'none' };
  #all: FilterSlot[] = [];
  /** All layers, as bits. */
  #layers = 0;
  /** The layers without a filter, as bits. */
  #unfiltered = 0;
  /** The filters that let more pass inside of some spans. */
  #dynamic: FilterSlot[] = [];
  /** The matches of a span that matches no span directive. */
  #nothing: SpanMatches = NO_SPAN_MATCHES;
  /** Whether a span that matches a span directive was ever entered. Until then the current scope need not be looked up. */
  #opened = false;
  /** Identifies the current decisions: another object after each change. */
  state: object = {};
  readonly #threw: Threw;
  readonly #hookOf: (owner: number) => Hook;
  #isAsking = false;
  readonly #changed: () => void;

  /** `threw` is called with what a filter throws, `changed` after each change. `hookOf` returns the hook of an owner's filters. */
  constructor(threw: Threw, changed: () => void, hookOf = (_owner: number): Hook => NO_HOOK) {
    this.#threw = threw;
    this.#hookOf = hookOf;
    this.#changed = changed;
  }

  /** Adds a global filter to the existing ones. */
  add(filter: Filter): void {
    this.#put([...this.#all, this.#slot(filter, GLOBAL)]);
  }

  /** Sets the filter of an owner, in place of all that it had; `undefined` is none. */
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

  /** The layers that want a span or event of this callsite in the current scope, as bits. */
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
    // A filter that threw is asked again next time: the cause may be temporary.
    if (!threw) {
      callsite.interest = interest;
      const most = this.#opened ? interest.sometimes : interest.always;
      if (most === 0 && this.fieldNames[callsite.kind] === 'none') callsite.disabledState = this.state;
    }
    return interest;
  }

  /**
   * What filters let pass inside of a span, of which only filters of layers in `layerMask` are asked. `known` is the
   * earlier answer; filters that were set since then are asked now.
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
    // All spans that match no span directive share one map: there may be a million of them.
    return [...matches.values()].some((match) => match !== undefined) ? matches : this.#nothing;
  }

  /** The scope inside of a span with these matches that is entered in the scope `outer`. */
  enter(matches: SpanMatches, outer: ScopeLevels | undefined): ScopeLevels | undefined {
    let scope: Map<FilterSlot, number> | undefined;
    for (const slot of this.#dynamic) {
      const verbosity = matches.get(slot)?.verbosity ?? 0;
      if (verbosity <= (outer?.get(slot) ?? 0)) continue;
      // Only filters in use are copied: a scope may be passed on for as long as the program runs.
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

  /** Passes fields that were recorded to the matches of a span. */
  record(matches: SpanMatches, fields: Fields): void {
    for (const [slot, match] of matches) this.#try(slot, () => match?.record(fields));
  }

  /** Calls a filter. What it emits meanwhile is not passed on: the filter would be called for that again. */
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

  /** The decision about what a filter emits while it is called: no layer gets it. */
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
