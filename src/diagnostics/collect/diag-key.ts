import { malformed, type Parsed, type ParseFailure } from '../collector.ts';
import { parsePlain, parseTimestamp } from './timestamp.ts';

/** The fields of a key of the diagnostics contract, without its chunk index. */
export interface DiagKey {
  kind: Parsed['kind'];
  agent: string;
  vmId: string;
  name: string;
  id: string;
  time: Date;
  encoding: string;
  result: 'success' | 'fail' | '';
  /** In seconds. */
  duration: number | undefined;
}

const PREFIX = 'DIAG|';

/** Fields that a key of another version has at least. */
const FIELDS_MIN = 5;

/** What the first field of a key stands for: this contract, an unknown version of it, or another format. */
export function schemaOf(key: string): 'diag' | 'unsupported' | 'other' {
  if (key.startsWith(PREFIX)) return 'diag';
  const end = key.indexOf('|');
  const schema = end < 0 ? key : key.slice(0, end);
  if (schema === 'DIAG') return 'diag';
  if (!/^DIAG[-_./:@]?v?\d/i.test(schema)) return 'other';
  // A version of it names at least who wrote what on which VM; any other key may start like that.
  return key.split('|', FIELDS_MIN).length === FIELDS_MIN ? 'unsupported' : 'other';
}

/** Splits a key into its chunk index, `undefined` if its last field is not decimal, and all fields before it. */
export function splitChunk(key: string): { group: string; chunk: number | undefined } {
  const end = key.lastIndexOf('|');
  const digits = key.slice(end + 1);
  // Most payloads have one chunk.
  if (digits === '0' && end > 0) return { group: key.slice(0, end), chunk: 0 };
  return { group: key.slice(0, Math.max(end, 0)), chunk: /^\d+$/.test(digits) ? Number(digits) : undefined };
}

/** The end of a timestamp of this contract: the time of day in UTC. */
const UTC = /T\d\d:\d\d:\d\d(?:\.(?:\d{3}|\d{6}|\d{9}))?Z$/;

/** Parses the ten fields before the chunk index (azure-init doc/diagnostics.md). */
export function parseDiag(group: string): DiagKey | ParseFailure {
  const parts = group.split('|');
  if (parts.length !== 10) return malformed('the key does not have eleven fields');
  // Indexing takes a third of the time of destructuring the whole list.
  const part = (number: number): string => parts[number] as string;
  const [agent, vmId, kind] = [part(1), part(2), part(3)];
  const [name, id, timestamp] = [part(4), part(5), part(6)];
  const [encoding, result, seconds] = [part(7), part(8), part(9)];
  if (agent === '' || vmId === '' || name === '' || id === '') {
    return malformed('agent, vm_id, name or event_id is empty');
  }
  if (kind !== 'start' && kind !== 'finish' && kind !== 'event') {
    return malformed(`kind ${JSON.stringify(kind)} is not start, finish or event`);
  }
  const time = parsePlain(timestamp) ?? (UTC.test(timestamp) ? parseTimestamp(timestamp) : undefined);
  if (time === undefined) return malformed(`timestamp ${JSON.stringify(timestamp)} is not RFC 3339 in UTC`);
  if (encoding === '') return malformed('encoding is empty');
  if (result !== '' && result !== 'success' && result !== 'fail') {
    return malformed(`result ${JSON.stringify(result)} is not success or fail`);
  }
  const duration = parseDuration(seconds);
  if (seconds !== '' && duration === undefined) {
    return malformed(`duration ${JSON.stringify(seconds)} is no number of seconds`);
  }
  if (kind === 'start' && (result !== '' || seconds !== '')) {
    return malformed('a start has a result or duration');
  }
  if (kind === 'finish' && (result === '' || seconds === '')) {
    return malformed('a finish has no result or duration');
  }
  return { kind, agent, vmId, name, id, time, encoding, result, duration };
}

function parseDuration(text: string): number | undefined {
  if (text === '') return undefined;
  if (!/^\d+(?:\.\d{1,9})?$/.test(text)) return undefined;
  const seconds = Number(text);
  return Number.isFinite(seconds) ? seconds : undefined;
}
