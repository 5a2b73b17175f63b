import type { PoolRecord } from '../pool/record.ts';
import { malformed, parseDiag, schemaOf, splitChunk } from './diag.ts';
import type { Collector, Diagnostic, RecordProblem, Refusal } from './diagnostic.ts';
import { Decoder } from './encoding.ts';
import { readPayload } from './read-payload.ts';

/** The records whose keys are the same but for the chunk index. */
interface Group {
  members: { record: PoolRecord; chunk: number | undefined }[];
  records: number[];
}

/** Recognises format `diag`: chunks of one payload may lie anywhere and in any order. */
export class DiagCollector implements Collector {
  /** By what their keys share. */
  readonly #groups = new Map<string, Group>();
  readonly #decoder = new Decoder();

  take(record: PoolRecord, index: number): boolean {
    const schema = schemaOf(record.key);
    if (schema === 'other') return false;
    // How the keys of another version are made is not known, not even what their last field is.
    const { group, chunk } =
      schema === 'diag' ? splitChunk(record.key) : { group: `${record.key}|${index}`, chunk: undefined };
    const known = this.#groups.get(group);
    if (known === undefined) this.#groups.set(group, { members: [{ record, chunk }], records: [index] });
    else {
      known.members.push({ record, chunk });
      known.records.push(index);
    }
    return true;
  }

  finish(): (Diagnostic | RecordProblem)[] {
    return Array.from(this.#groups, ([key, group]) => {
      const read = this.#read(key, group);
      return { ...read, records: group.records };
    });
  }

  #read(group: string, { members }: Group): Omit<Diagnostic, 'records'> | Refusal {
    if (schemaOf(group) === 'unsupported') {
      const schema = JSON.stringify(group.slice(0, group.indexOf('|')));
      return { reason: 'unsupported_version', message: `${schema} is not DIAG` };
    }
    const key = parseDiag(group);
    if ('reason' in key) return key;
    const chunks = inOrder(members);
    if ('reason' in chunks) return chunks;
    const { encoding, ...said } = key;
    const text = this.#decoder.decode(encoding, join(chunks));
    if (typeof text !== 'string') return text;
    return { format: 'diag', ...said, ...readPayload(text) };
  }
}

/** A group's records by their chunk index, which must run from 0. */
function inOrder(members: Group['members']): PoolRecord[] | Refusal {
  const chunks: PoolRecord[] = [];
  const seen = new Set<number>();
  for (const { record, chunk } of members) {
    if (chunk === undefined) return malformed('chunk_index is not a decimal number');
    if (seen.has(chunk)) {
      return { reason: 'duplicate_chunk', message: `chunk ${chunk} is there more than once` };
    }
    seen.add(chunk);
    if (chunk < members.length) chunks[chunk] = record;
  }
  const missing = members.findIndex((_, chunk) => !seen.has(chunk));
  if (missing < 0) return chunks;
  return { reason: 'incomplete_group', message: `chunk ${missing} is missing` };
}

function join(chunks: PoolRecord[]): Buffer {
  return Buffer.concat(chunks.map(({ rawValue, value }) => rawValue ?? Buffer.from(value)));
}
