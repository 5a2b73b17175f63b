import { AGENT_SEPARATOR, type Format } from '../format.ts';
import { CloudInitCollector } from '../collect/cloud-init-collector.ts';

/** What cloud-init's `HyperVKvpReportingHandler` writes (cloud-init cloudinit/reporting/handlers.py). */
export const cloudInit: Format<'cloud-init'> = {
  name: 'cloud-init',
  read: {
    recognizedBy: 'prefix',
    collector: (view, decoder) => new CloudInitCollector(view, decoder),
    pairing: 'name',
    spanParent: 'path',
    eventSpan: 'interval',
    agentSeparator: AGENT_SEPARATOR,
  },
};
