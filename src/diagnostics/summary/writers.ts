import type { Diagnostic } from '../diagnostic.ts';
import type { DiagnosticFormat } from '../formats/format-table.ts';

/** Who wrote. */
export interface SummaryWriter {
  agent: string;
  format: DiagnosticFormat;
  /** Empty where it is not recorded. */
  vmId: string;
  records: number;
}

/** Who wrote diagnostics, most records first. */
export function writersOf(diagnostics: readonly Diagnostic[]): SummaryWriter[] {
  const writers = new Map<string, SummaryWriter>();
  let writer: SummaryWriter | undefined;
  for (const { agent, format, vmId, records } of diagnostics) {
    if (writer?.agent !== agent || writer.format !== format || writer.vmId !== vmId) {
      const key = `${agent}|${format}|${vmId}`;
      writer = writers.get(key);
      if (writer === undefined) writers.set(key, (writer = { agent, format, vmId, records: 0 }));
    }
    writer.records += records.length;
  }
  return [...writers.values()].sort((one, other) => other.records - one.records);
}
