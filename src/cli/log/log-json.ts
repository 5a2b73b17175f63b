import { firstRecord } from '../../diagnostics/diagnostic.ts';
import { jsonFields } from '../../format/item-text.ts';
import { printableJson } from '../../printable.ts';
import { isDiagnostic, type LogItem } from './log-item.ts';

/** What a pool says as a line of JSON: the `Diagnostic`, its bytes in base64; or a report. */
export function jsonLine({ said, time, file }: LogItem, showsFile: boolean): string {
  const prefix = showsFile ? { file } : {};
  if (!isDiagnostic(said)) {
    const { agent, vm_id: vmId, result, reason } = said;
    const records = [firstRecord(said)];
    return lineOf({ ...prefix, kind: 'report', agent, vmId, time, result, reason, report: said, records });
  }
  const { bytes } = said;
  const encoded = bytes === undefined ? undefined : { bytes: Buffer.from(bytes).toString('base64') };
  const document = { ...prefix, ...said, ...encoded };
  try {
    return lineOf(document);
  } catch {
    // Fields may be nested deeper than `JSON.stringify` may go.
    return lineOf({ ...document, fields: jsonFields(said.fields) });
  }
}

function lineOf(document: object): string {
  return `${printableJson(JSON.stringify(document))}\n`;
}
