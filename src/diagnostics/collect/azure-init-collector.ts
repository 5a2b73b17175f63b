import { decoded, type Decoder } from '../encoding.ts';
import type { Allowance } from '../allowance.ts';
import { type Collected, type Collector, malformed, type Parsed, type ParseFailure } from '../collector.ts';
import { readDebugFields } from './debug-fields.ts';
import type { PoolView } from '../pool-view.ts';
import { parseTimestamp } from './timestamp.ts';

/** `PREFIX|vm_id|LEVEL|module:span|uuid`. */
const KEY =
  /^([^|]+)\|([^|]*)\|(ERROR|WARN|INFO|DEBUG|TRACE)\|(.+)\|([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/is;
const EVENT = /^Time: (\S+) \| Event: /;
const SPAN = /^Start: (\S+) \| End: (\S+)$/;
/** The path of a Rust module and the single colon that follows it. */
const MODULE = /^((?:[\w-]+(?:::[\w-]+)*)?):(?!:)(?=.)/s;

/** Reads what azure-init 0.1 writes: all records of a payload have the same key. */
export class AzureInitCollector implements Collector {
  readonly #view: PoolView;
  readonly #decoder: Decoder;
  readonly #groups = new Map<string, number[]>();

  constructor(view: PoolView, decoder: Decoder) {
    this.#view = view;
    this.#decoder = decoder;
  }

  take(key: string, index: number): boolean {
    if (!KEY.test(key)) return false;
    const known = this.#groups.get(key);
    if (known === undefined) this.#groups.set(key, [index]);
    else known.push(index);
    return true;
  }

  finish(collected: Collected): void {
    for (const [key, records] of this.#groups) collected(records, this.#parse(key, records));
  }

  #parse(key: string, records: readonly number[]): Parsed | ParseFailure {
    const [, agent = '', vmId = '', level = '', name = '', id = ''] = KEY.exec(key) ?? [];
    // Joined as bytes, because a character may be split between two records.
    const { text, bytes } = decoded(Buffer.concat(records.map((index) => this.#view.bytes(index))));
    const value = parseValue(text, this.#decoder.allowance);
    if ('reason' in value) return value;
    const [module = '', target = ''] = MODULE.exec(name) ?? [];
    const parsed: Parsed = {
      agent,
      vmId,
      name: name.slice(module.length),
      id,
      level: level.toUpperCase(),
      ...value,
      text,
    };
    if (target !== '') parsed.target = target;
    if (bytes !== undefined) parsed.bytes = bytes;
    return parsed;
  }
}

function parseValue(
  text: string,
  allowance: Allowance,
): Pick<Parsed, 'kind' | 'time' | 'end' | 'duration' | 'fields' | 'message'> | ParseFailure {
  const [, started = '', ended = ''] = SPAN.exec(text) ?? [];
  const start = parseTimestamp(started);
  const end = parseTimestamp(ended);
  if (start !== undefined && end !== undefined) {
    const fields = Object.create(null) as Record<string, unknown>;
    // The clock may have been set back while the span was open.
    const duration = Math.max(0, end.getTime() - start.getTime()) / 1000;
    return { kind: 'finish', time: start, end, duration, fields };
  }
  const event = EVENT.exec(text);
  const time = parseTimestamp(event?.[1] ?? '');
  if (event === null || time === undefined) {
    return malformed('the value is neither "Time: … | Event: …" nor "Start: … | End: …"');
  }
  return { kind: 'event', time, ...readDebugFields(text.slice(event[0].length), allowance) };
}
