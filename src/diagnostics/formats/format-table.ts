import type { Format, FormatReading, FormatWriting, WrittenFormat } from '../format.ts';
import * as table from './index.ts';

type Entry = (typeof table)[keyof typeof table];

/** The format of a record: azure-init's diagnostics contract, azure-init's older layout, or cloud-init's events. */
export type DiagnosticFormat = Entry['name'];

/** A format that `EmitKVPLayer` writes. */
export type WritableFormat = Extract<Entry, WrittenFormat>['name'];

const entries: readonly Format<DiagnosticFormat>[] = Object.values(table);
const byName = new Map<unknown, Format<DiagnosticFormat>>(entries.map((format) => [format.name, format]));

/** All formats, in the order in which their collectors are asked whether a key is theirs. */
export const FORMATS: readonly Format<DiagnosticFormat>[] = [
  ...entries.filter(({ read }) => read.recognizedBy === 'prefix'),
  ...entries.filter(({ read }) => read.recognizedBy === 'shape'),
];

/** The names of the formats that can be written. */
export const WRITABLE_FORMATS = FORMATS.filter(({ write }) => write !== undefined).map(
  ({ name }) => name as WritableFormat,
);

/** How the format of this name is written. */
export function writingOf(name: WritableFormat): FormatWriting {
  return byName.get(name)?.write as FormatWriting;
}

/** How the format of a diagnostic is read. A diagnostic of another version may have an unknown one: as `diag` then. */
export function readingOf({ format }: { format: DiagnosticFormat }): FormatReading {
  return (byName.get(format) ?? table.diag).read;
}
