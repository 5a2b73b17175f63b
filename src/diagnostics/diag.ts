import type { Diagnostic, Refusal } from './diagnostic.ts';

/** What a key of the diagnostics contract says, but for its chunk index. */
export interface DiagKey {
  kind: Diagnostic['kind'];
  agent: string;
  vmId: string;
  name: string;
  id: string;
  time: Date;
  encoding: string;
  result?: 'success' | 'fail';
  /** In seconds. */
  duration?: number;
}

/** A key's first field: this contract, a version of it that is not known, or something else. */
export function schemaOf(key: string): 'diag' | 'unsupported' | 'other' {
  const end = key.indexOf('|');
  const schema = end < 0 ? key : key.slice(0, end);
  if (schema === 'DIAG') return 'diag';
  return /^DIAG[-_./:@]?v?\d/i.test(schema) ? 'unsupported' : 'other';
}

/** A key's chunk index, `undefined` when its last field is none, and all before it. */
export function splitChunk(key: string): { group: string; chunk: number | undefined } {
  const end = key.lastIndexOf('|');
  const digits = key.slice(end + 1);
  return { group: key.slice(0, Math.max(end, 0)), chunk: /^\d+$/.test(digits) ? Number(digits) : undefined };
}

/** Parses the ten fields before the chunk index, as azure-init's doc/diagnostics.md lays them down. */
export function parseDiag(group: string): DiagKey | Refusal {
  const parts = group.split('|');
  if (parts.length !== 10) return malformed('the key does not have eleven fields');
  const [, agent, vmId, kind, name, id, timestamp, encoding, result, seconds] = parts as TenFields;
  for (const [field, text] of Object.entries({ agent, vm_id: vmId, name, event_id: id })) {
    if (text === '') return malformed(`${field} is empty`);
  }
  if (kind !== 'start' && kind !== 'finish' && kind !== 'event') {
    return malformed(`kind ${JSON.stringify(kind)} is not start, finish or event`);
  }
  const time = parseTimestamp(timestamp);
  if (time === undefined) return malformed(`timestamp ${JSON.stringify(timestamp)} is not RFC 3339`);
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
  const key: DiagKey = { kind, agent, vmId, name, id, time, encoding };
  if (result !== '') key.result = result;
  if (duration !== undefined) key.duration = duration;
  return key;
}

type TenFields = [string, string, string, string, string, string, string, string, string, string];

export function malformed(message: string): Refusal {
  return { reason: 'malformed', message };
}

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):([0-5]\d))$/;
const MINUTE = 60_000;

/** The moment of an RFC 3339 timestamp, to the millisecond. */
export function parseTimestamp(text: string): Date | undefined {
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [, day = '', clock = '', second = '', fraction = '', sign, hours = '0', minutes = '0'] = match;
  // A leap second, which Date does not know: the second after.
  const leap = second === '60';
  const canonical = `${day}T${clock}${leap ? '59' : second}.${fraction.slice(0, 3).padEnd(3, '0')}Z`;
  const time = new Date(canonical);
  // Date takes 30 February for 2 March.
  if (Number.isNaN(time.getTime()) || time.toISOString() !== canonical || Number(hours) > 23)
    return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -MINUTE : MINUTE);
  return new Date(time.getTime() - offset + (leap ? 1000 : 0));
}

function parseDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
  const seconds = Number(text);
  return Number.isFinite(seconds) ? seconds : undefined;
}
