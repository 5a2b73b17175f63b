import { type Collector, malformed, type ParseFailure, type Parsed } from '../diagnostic.ts';
import { decoded } from '../encoding.ts';
import type { PoolView } from './pool-view.ts';
import { readDebugFields } from './debug-fields.ts';
import { parseTimestamp } from './timestamp.ts';

/** `PREFIX|vm_id|LEVEL|module:span|uuid`. */
const KEY =
  /^([^|]+)\|([^|]*)\|(ERROR|WARN|INFO|DEBUG|TRACE)\|(.+)\|([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/is;
const EVENT = /^Time: (\S+) \| Event: /;
const SPAN = /^Start: (\S+) \| End: (\S+)$/;
/** A module's path, with the one colon behind it. */
const MODULE = /^((?:[\w-]+(?:::[\w-]+)*)?):(?!:)(?=.)/s;

/** Recognises what azure-init 0.1 writes; the records of one payload have one key and follow each other. */
export class AzureInitCollector implements Collector {
  readonly #view: PoolView;
  readonly #groups = new Map<string, number[]>();

  constructor(view: PoolView) {
    this.#view = view;
  }

  take(key: string, index: number): boolean {
    if (!KEY.test(key)) return false;
    const known = this.#groups.get(key);
    if (known === undefined) this.#groups.set(key, [index]);
    else known.push(index);
    return true;
  }

  *finish(): Iterable<{ records: number[]; told: Parsed | ParseFailure }> {
    for (const [key, records] of this.#groups) yield { records, told: this.#read(key, records) };
  }

  #read(key: string, records: readonly number[]): Parsed | ParseFailure {
    const [, agent = '', vmId = '', level = '', name = '', id = ''] = KEY.exec(key) ?? [];
    // Joined as bytes: a character may be cut in two.
    const { text, bytes } = decoded(Buffer.concat(records.map((index) => this.#view.bytes(index))));
    const said = readValue(text);
    if ('reason' in said) return said;
    const [module = '', target = ''] = MODULE.exec(name) ?? [];
    const told: Parsed = {
      format: 'azure-init',
      agent,
      vmId,
      name: name.slice(module.length),
      id,
      level: level.toUpperCase(),
      ...said,
      text,
    };
    if (target !== '') told.target = target;
    if (bytes !== undefined) told.bytes = bytes;
    return told;
  }
}

function readValue(
  text: string,
): Pick<Parsed, 'kind' | 'time' | 'end' | 'duration' | 'fields' | 'message'> | ParseFailure {
  const [, started = '', ended = ''] = SPAN.exec(text) ?? [];
  const start = parseTimestamp(started);
  const end = parseTimestamp(ended);
  if (start !== undefined && end !== undefined) {
    const fields = Object.create(null) as Record<string, unknown>;
    // The clock may have been set back meanwhile.
    const duration = Math.max(0, end.getTime() - start.getTime()) / 1000;
    return { kind: 'finish', time: start, end, duration, fields };
  }
  const event = EVENT.exec(text);
  const time = parseTimestamp(event?.[1] ?? '');
  if (event === null || time === undefined) {
    return malformed('the value is neither "Time: … | Event: …" nor "Start: … | End: …"');
  }
  return { kind: 'event', time, ...readDebugFields(text.slice(event[0].length)) };
}
