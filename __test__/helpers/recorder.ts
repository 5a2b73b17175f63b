import type { Event } from '../../src/tracing/event.ts';
import type { Fields } from '../../src/tracing/fields.ts';
import type { FilterInput } from '../../src/tracing/filter.ts';
import { BaseLayer, type Layer, type LayerView, type Outcome } from '../../src/tracing/layer.ts';
import { Registry } from '../../src/tracing/registry.ts';
import type { Span } from '../../src/tracing/span.ts';

/** A layer that keeps all it hears: as lines in `heard`, events and spans as they are. */
export class Recorder extends BaseLayer implements Layer {
  readonly name: string;
  readonly heard: string[];
  readonly events: Event[] = [];
  readonly spans: Span[] = [];
  readonly views = new Set<LayerView>();

  constructor(options: { name?: string; filter?: FilterInput; heard?: string[] } = {}) {
    super(options.filter);
    this.name = options.name ?? 'Recorder';
    this.heard = options.heard ?? [];
  }

  onNewSpan(span: Span, view: LayerView): void {
    this.spans.push(span);
    this.views.add(view);
    this.#hear('new', span.name, within(view.visible(span.parent)));
  }

  onRecord(span: Span, fields: Fields): void {
    this.#hear('record', span.name, JSON.stringify(fields.toObject()));
  }

  onFollowsFrom(span: Span, from: Span): void {
    this.#hear('follows', span.name, from.name);
  }

  onEnter(span: Span): void {
    this.#hear('enter', span.name);
  }

  onExit(span: Span): void {
    this.#hear('exit', span.name);
  }

  onClose(span: Span): void {
    this.#hear('close', span.name, span.thrown === undefined ? '' : 'thrown');
  }

  onEvent(event: Event, view: LayerView): void {
    this.events.push(event);
    this.#hear('event', event.message ?? '-', within(view.visible(event.parent)));
  }

  async shutdown(): Promise<Outcome> {
    this.#hear('shutdown');
    return { complete: true, dropped: 0, problems: [] };
  }

  #hear(...words: string[]): void {
    const own = this.name === 'Recorder' ? words : [`${this.name}:`, ...words];
    this.heard.push(own.filter((word) => word !== '').join(' '));
  }

  /** What was heard of one kind. */
  only(kind: string): string[] {
    return this.heard.filter((line) => line.startsWith(`${kind} `));
  }
}

function within(span: Span | undefined): string {
  return span === undefined ? '' : `in ${span.name}`;
}

/** A registry with one recorder, and what it reports. */
export function recording(options: ConstructorParameters<typeof Recorder>[0] = {}): {
  recorder: Recorder;
  registry: Registry;
  problems: Error[];
} {
  const problems: Error[] = [];
  const recorder = new Recorder(options);
  const registry = new Registry({ onProblem: (problem) => problems.push(problem) }).with(recorder);
  return { recorder, registry, problems };
}
