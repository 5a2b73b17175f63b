import type { Decoder } from '../encoding.ts';
import { type Collected, type Collector, malformed, type Parsed, type ParseFailure } from '../collector.ts';
import type { PoolView } from '../pool-view.ts';
import { type Group, Groups } from './record-groups.ts';
import { parseTimestamp } from './timestamp.ts';
import { Date } from '../../tracing/timers.ts';

const PREFIX = 'CLOUD_INIT|';
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** `CLOUD_INIT|boot epoch|type|name|[vm_id|]uuid[|chunk]`; keys have the VM's id since 2025. */
const KEY = new RegExp(
  `^CLOUD_INIT\\|([^|]*)\\|([^|]*)\\|(.*?)(?:\\|(${UUID}))?\\|(${UUID})(?:\\|(\\d+))?$`,
  'is',
);
/** What precedes a message or a fragment of one, which is the last member: no fragment contains a bare quote. */
const MESSAGE = ',"msg":"';

/** The members of a value that are no fields. */
const MEMBERS = new Set(['name', 'type', 'ts', 'result', 'duration', 'msg', 'msg_i']);

/** The fields of a key of cloud-init. */
interface Key {
  epoch: string;
  type: string;
  name: string;
  vmId: string;
  id: string;
}

/** Reads what cloud-init's `HyperVKvpReportingHandler` writes (cloud-init cloudinit/reporting/handlers.py). */
export class CloudInitCollector implements Collector {
  readonly #view: PoolView;
  readonly #decoder: Decoder;
  readonly #groups = new Groups();

  constructor(view: PoolView, decoder: Decoder) {
    this.#view = view;
    this.#decoder = decoder;
  }

  take(key: string, index: number): boolean {
    if (!key.startsWith(PREFIX)) return false;
    const chunk = KEY.exec(key)?.[6];
    const group = chunk === undefined ? key : key.slice(0, -chunk.length - 1);
    this.#groups.add(group, index, Number(chunk ?? '0'));
    return true;
  }

  finish(collected: Collected): void {
    this.#groups.forEach((key, group) => collected(group.records, this.#parse(key, group)));
  }

  #parse(shared: string, group: Group): Parsed | ParseFailure {
    const match = KEY.exec(shared);
    if (match === null) return malformed("the key is none of cloud-init's");
    const [, epoch = '', type = '', name = '', vmId = '', id = ''] = match;
    const key = { epoch, type, name, vmId, id };
    const chunks = group.inOrder();
    if ('reason' in chunks) return chunks;
    const values = chunks.map((index) => this.#view.text(index));
    const value = joined(values);
    if (value === undefined) return malformed('the value does not end with a message');
    // A value that ends in the middle may lack its last fragment.
    const cut = isCut(values) ? 'incomplete_group' : undefined;
    const payload = this.#decoder.json.object(value);
    if (payload === 'exceeded') return this.#exceeded();
    if (payload === undefined) return { reason: cut ?? 'malformed', message: 'the value is no JSON object' };
    const parsed = parsePayload(key, payload.members);
    if (!('kind' in parsed) || type !== 'compressed') return parsed;
    const message = this.#decoder.json.object(parsed.text);
    if (message === 'exceeded') return this.#exceeded();
    const data = message?.members['data'];
    if (typeof data !== 'string') {
      return { reason: cut ?? 'undecodable', message: 'there is no packed data in the message' };
    }
    const unpacked = this.#decoder.decodeLoosely(data);
    if ('reason' in unpacked) return { ...unpacked, reason: 'undecodable' };
    delete parsed.message;
    return Object.assign(parsed, unpacked);
  }

  #exceeded(): ParseFailure {
    return { reason: 'undecodable', message: this.#decoder.allowance.exceeded };
  }
}

/** A value whose message is in fragments. They are joined first, because cloud-init escapes a message before it cuts it. */
function joined(values: readonly string[]): string | undefined {
  let whole = '';
  for (const value of values) {
    const start = value.indexOf(MESSAGE);
    // The value of an event without a message.
    if (values.length === 1 && start < 0) return value;
    if (start < 0 || !value.endsWith('"}')) return undefined;
    whole += whole === '' ? value.slice(0, -2) : value.slice(start + MESSAGE.length, -2);
  }
  return `${whole}"}`;
}

/** Whether more fragments may have followed: all but the last have the same length, up to a digit of their number. */
function isCut(values: readonly string[]): boolean {
  const last = values.at(-1)?.length ?? 0;
  return (
    last >= (values[0]?.length ?? 0) - 1 && (values.length > 1 || (values[0] ?? '').includes('"msg_i":'))
  );
}

function parsePayload(
  { epoch, type, vmId, id, ...key }: Key,
  payload: Record<string, unknown>,
): Parsed | ParseFailure {
  const { name, ts, result, duration, msg } = payload;
  const time = typeof ts === 'string' ? parseTimestamp(ts) : undefined;
  if (time === undefined) return malformed(`ts ${JSON.stringify(ts)} is no time of RFC 3339`);
  const kind = type === 'start' || type === 'finish' ? type : 'event';
  const fields = Object.create(null) as Record<string, unknown>;
  for (const [member, value] of Object.entries(payload)) if (!MEMBERS.has(member)) fields[member] = value;
  if (kind === 'event') fields['type'] = type;
  const text = typeof msg === 'string' ? msg : '';
  const parsed: Parsed = {
    kind,
    agent: 'cloud-init',
    vmId,
    name: typeof name === 'string' && name !== '' ? name : key.name,
    id,
    time,
    fields,
    text,
  };
  if (result === 'SUCCESS') parsed.result = 'success';
  else if (result === 'FAIL') parsed.result = 'fail';
  else if (result !== undefined) fields['result'] = result;
  if (typeof duration === 'number' && Number.isFinite(duration) && duration >= 0) parsed.duration = duration;
  else if (duration !== undefined) fields['duration'] = duration;
  if (text !== '') parsed.message = text;
  // cloud-init writes 0 where it does not know it.
  if (/^[1-9]\d{0,11}$/.test(epoch)) parsed.bootTime = new Date(Number(epoch) * 1000);
  return parsed;
}
