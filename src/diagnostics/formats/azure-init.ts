import type { WrittenFormat } from '../format.ts';
import { AzureInitCollector } from '../collect/azure-init-collector.ts';
import { AzureInitLayout } from '../write/azure-init-layout.ts';

/** What azure-init 0.1 writes (azure-init libazureinit/src/kvp.rs). */
export const azureInit: WrittenFormat<'azure-init'> = {
  name: 'azure-init',
  write: {
    // A span has one record, at its close: 'new' adds none, but is what the default asks for.
    spanEvents: ['new', 'close'],
    layout: () => new AzureInitLayout(),
  },
  read: {
    recognizedBy: 'shape',
    collector: (view, decoder) => new AzureInitCollector(view, decoder),
    pairing: 'id',
    spanParent: 'interval',
    eventSpan: 'name',
    // As in `azure-init-0.1.1`.
    agentSeparator: /[/-](?=\d[^/]*$)/,
  },
};
