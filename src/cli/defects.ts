import type { Defect, DefectReason } from '../pool/edit.ts';
import type { Repair } from '../pool/repair.ts';
import type { GlobalOptions } from './global-options.ts';
import { escapedOnTerminal, isTerminal, outputWidth, print, printJson } from './output.ts';
import { type Column, table } from './table.ts';

/** What a defect does to who reads the pool. */
const MEANINGS: Record<DefectReason, string> = {
  torn_tail: 'the file ends within a record: a write was cut',
  invalid_utf8: 'the host stops reading here',
  missing_nul: 'the kernel reads on into what follows the field',
  empty_key: 'a record without a key: no program can find it',
};

/** What is also there where the host has stopped before. */
const BEHIND_STOP = 'the host would stop here, too';

/** Columns of a terminal that has room for meanings. */
const MEANING_MIN = 60;

/** Prints defects, or what a repair did to them: a line each, JSON, or a table on a terminal. */
export async function printDefects(
  defects: readonly (Defect | Repair)[],
  path: string,
  options: GlobalOptions,
): Promise<void> {
  if (options.json) return printJson(defects);
  if (!isTerminal()) return print(defects.map((defect) => `${defectLine(defect)}\n`).join(''));
  if (defects.length === 0) return print(`no defects in ${(await escapedOnTerminal())(path)}\n`);
  const width = outputWidth();
  const stop = defects.find(({ reason }) => reason === 'invalid_utf8');
  const columns: { column: Column; cell: (defect: Defect | Repair) => string | undefined }[] = [
    { column: { title: 'RECORD', align: 'right', whole: true }, cell: ({ record }) => String(record) },
    { column: { title: 'DEFECT', whole: true }, cell: ({ reason }) => reason },
    { column: { title: 'FIELD', whole: true }, cell: ({ field }) => field },
    {
      column: { title: 'REPAIR', whole: true },
      cell: (defect) => ('action' in defect ? defect.action : undefined),
    },
    {
      column: { title: 'MEANING' },
      cell: (defect) =>
        defect.reason === 'invalid_utf8' && defect !== stop ? BEHIND_STOP : MEANINGS[defect.reason],
    },
  ];
  const shown = columns.filter(({ column: { title }, cell }) =>
    title === 'MEANING' ? width >= MEANING_MIN : defects.some((defect) => cell(defect) !== undefined),
  );
  const rows = defects.map((defect) => shown.map(({ cell }) => cell(defect) ?? ''));
  return print(
    table(
      shown.map(({ column }) => column),
      rows,
      width,
    ),
  );
}

/** `record=3 reason=invalid_utf8 field=value action=re-encoded`. */
function defectLine(defect: Defect | Repair): string {
  return Object.entries(defect)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
