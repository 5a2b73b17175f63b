import { SPAN_EVENTS } from '../../tracing/span-event.ts';
import { AGENT_SEPARATOR, type WrittenFormat } from '../format.ts';
import { DiagCollector } from '../collect/diag-collector.ts';
import { DiagLayout } from '../write/diag-layout.ts';

/** azure-init's diagnostics contract (azure-init doc/diagnostics.md). */
export const diag: WrittenFormat<'diag'> = {
  name: 'diag',
  write: {
    spanEvents: SPAN_EVENTS,
    layout: () => new DiagLayout(),
  },
  read: {
    recognizedBy: 'prefix',
    collector: (view, decoder) => new DiagCollector(view, decoder),
    // azure-init doc/diagnostics.md, "Timing and Correlation"
    pairing: 'id',
    spanParent: 'interval',
    eventSpan: 'name',
    agentSeparator: AGENT_SEPARATOR,
  },
};
