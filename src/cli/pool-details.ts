import { readDiagnosticsSync } from '../diagnostics/read/read-diagnostics.ts';
import { escapeInvisible } from '../format/value-text.ts';
import { chooseBackend } from '../pool/binding.ts';
import { type Defect, inspect } from '../pool/edit.ts';
import { decodeRecords } from '../pool/record.ts';
import { DEFAULT_MAX_RECORDS } from '../pool/store-options.ts';
import { infoLines, type PoolInfo, sorted } from './pool-info.ts';
import type { GlobalOptions } from './global-options.ts';
import { escapedOnTerminal, isTerminal, outputWidth, print, printJson } from './output.ts';
import { recordLine } from './record-text.ts';
import { table } from './table.ts';
import { type Glyphs, styleOf } from './view/style.ts';
import { type PoolWriterCount, poolWriters } from './writers.ts';

/** Prints all that is known of a pool: lines, JSON, or a table on a terminal. */
export async function printAll(found: PoolInfo, bytes: Buffer, options: GlobalOptions): Promise<void> {
  const details = {
    unique_keys: new Set(decodeRecords(bytes).map(({ key }) => key)).size,
    max_records: DEFAULT_MAX_RECORDS,
    backend: chooseBackend({ quiet: true }),
    defects: inspect(bytes),
    writers: poolWriters(readDiagnosticsSync(bytes)),
  };
  if (options.json) return printJson({ ...sorted(found), ...details });
  if (isTerminal()) return print(onTerminal(found, details, options));
  return print(asLines(found, details, await escapedOnTerminal()));
}

type Details = { defects: Defect[]; writers: PoolWriterCount[]; unique_keys: number; backend: string };

function asLines(
  found: PoolInfo,
  { defects, writers, ...numbers }: Details,
  shown: (text: string) => string,
): string {
  const line = (key: string, ...words: (string | number)[]): string =>
    recordLine({ key, value: words.join(' ').trimEnd() }, shown);
  return [
    infoLines({ ...found, ...numbers, defects: defects.length }, shown),
    ...defects.map(({ record, reason, field = '' }) => line('defect', record, reason, field)),
    ...writers.map(({ records, format, agent }) => line('writer', records, format, agent ?? '')),
  ].join('');
}

function onTerminal(
  found: PoolInfo,
  { defects, writers, unique_keys, backend }: Details,
  options: GlobalOptions,
): string {
  const width = outputWidth();
  const { max_key_size, max_value_size } = found;
  const limits = `keys to ${max_key_size} bytes, values to ${max_value_size.toLocaleString('en')}`;
  const rows = [
    ['pool', found.pool],
    ['path', escapeInvisible(found.path)],
    ['mode', `${found.mode}: ${limits}`],
    ['records', found.empty ? 'none' : found.records.toLocaleString('en')],
    ['unique keys', unique_keys.toLocaleString('en')],
    ['budget', budget(found.records, width, styleOf(options).glyphs)],
    ['stale', found.stale ? 'yes: last changed before this boot' : 'no'],
    [
      'defects',
      defects.length === 0
        ? 'none'
        : `${defects.length}, the first in record ${defects[0]?.record}: kvp inspect lists them`,
    ],
    ['backend', backend],
  ];
  const facts = table([{ title: '' }, { title: '' }], rows, width);
  if (writers.length === 0) return facts;
  const columns = [
    { title: 'WRITER' },
    { title: 'FORMAT', whole: true },
    { title: 'VM' },
    { title: 'RECORDS', align: 'right', whole: true } as const,
  ];
  const by = writers.map(({ agent, format, vm_id, records }) => [
    escapeInvisible(agent ?? '-'),
    format,
    escapeInvisible(vm_id ?? '-'),
    records.toLocaleString('en'),
  ]);
  return `${facts}\n${table(columns, by, width)}`;
}

/** `████████░░░░░░░░░░░░  40 % of 1,024 records`, shorter on a narrow terminal. */
function budget(records: number, width: number, { thick: [whole = ''], track }: Glyphs): string {
  const used = records / DEFAULT_MAX_RECORDS;
  const length = Math.max(5, Math.min(30, width - 44));
  const filled = Math.min(length, Math.round(used * length));
  const text = `${Math.round(used * 100)} % of ${DEFAULT_MAX_RECORDS.toLocaleString('en')} records`;
  return `${whole.repeat(filled)}${track.repeat(length - filled)}  ${text}`;
}
