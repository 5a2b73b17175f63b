/**
 * A layer of one's own, with a filter and state of each span: it counts the events in a span, and says at the end how
 * the span went. `custom-layer.ts` prints:
 *
 *     get_lease: fail, no offer (1 event)
 *     network: success (0 events)
 */
import {
  BaseLayer,
  type Event,
  initializeTracing,
  type Layer,
  type LayerView,
  type Span,
  target,
} from 'kvp-tracing';

interface State {
  events: number;
}

class Outcomes extends BaseLayer implements Layer<State> {
  readonly name = 'Outcomes';

  onNewSpan(span: Span, view: LayerView<State>): void {
    view.set(span, { events: 0 });
  }

  onEvent(event: Event, view: LayerView<State>): void {
    // The nearest span around the event that this layer's filter lets it see.
    const span = view.visible(event.parent);
    const state = span && view.get(span);
    if (state !== undefined) state.events++;
  }

  onClose(span: Span, view: LayerView<State>): void {
    const failure = span.failure(undefined);
    const { events } = view.get(span) ?? { events: 0 };
    const result = failure === undefined ? 'success' : `fail, ${failure.reason}`;
    console.log(`${span.metadata.name}: ${result} (${events} event${events === 1 ? '' : 's'})`);
  }
}

const log = target('agent');
const layer = new Outcomes().withFilter('agent=info');
const tracing = await initializeTracing({ kvp: false, stderr: false, layers: [layer] });

log.inSpan('network', () => {
  log.inSpan('get_lease', (span) => {
    log.debug('is not counted: the filter is info');
    log.warn('no answer yet');
    span.fail('no offer');
  });
});
await tracing.shutdown();
