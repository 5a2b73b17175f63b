import { SAFE_VALUE } from '../../pool/limits.ts';
import { type Decoded, decoded, type Decoder } from '../encoding.ts';
import type { Collected, Collector, Parsed, ParseFailure } from '../collector.ts';
import { parseDiag, schemaOf, splitChunk } from './diag-key.ts';
import type { PoolView } from '../pool-view.ts';
import { readPayload } from './read-payload.ts';
import { type Group, Groups } from './record-groups.ts';

/** Bytes of the longest character. A chunk with less room than that is full: the next character may not have fitted. */
const CHARACTER_MAX = 4;
/** The start of a payload of a span or event; JSON that starts otherwise may be any text. */
const OURS = /^\{"(?:target|level|fields)":/;

/** Reads format `diag`. The chunks of one payload may lie anywhere and in any order. */
export class DiagCollector implements Collector {
  readonly #view: PoolView;
  readonly #decoder: Decoder;
  /** By the part of the key that the chunks of a payload share: all but the chunk index. */
  readonly #groups: Groups;
  /** Records of another version: what their keys share is not known, even their last field may be something else. */
  readonly #unsupported: { key: string; index: number }[] = [];

  constructor(view: PoolView, decoder: Decoder) {
    this.#groups = new Groups(view.alike);
    this.#view = view;
    this.#decoder = decoder;
  }

  take(key: string, index: number): boolean {
    const schema = schemaOf(key);
    if (schema === 'other') return false;
    if (schema === 'unsupported') this.#unsupported.push({ key, index });
    else {
      const { group, chunk } = splitChunk(key);
      this.#groups.add(group, index, chunk);
    }
    return true;
  }

  finish(collected: Collected): void {
    for (const { key, index } of this.#unsupported) {
      const schema = JSON.stringify(key.slice(0, key.indexOf('|')));
      collected([index], { reason: 'unsupported_version', message: `${schema} is not DIAG` });
    }
    this.#groups.forEach((key, group) => collected(group.records, this.#parse(key, group)));
  }

  #parse(shared: string, group: Group): Parsed | ParseFailure {
    const key = parseDiag(shared);
    if ('reason' in key) return key;
    const chunks = group.inOrder();
    if ('reason' in chunks) return chunks;
    const { kind, agent, vmId, name, id, time, encoding, result, duration } = key;
    const payload = this.#decode(encoding, chunks);
    if ('reason' in payload) {
      if (payload.reason !== 'incomplete_group') return payload;
      return this.#isCut(chunks) ? cut(payload.message) : { ...payload, reason: 'undecodable' };
    }
    const { text, bytes } = payload;
    const parsed: Parsed = { kind, agent, vmId, name, id, time, fields: {}, text };
    if (result !== '') parsed.result = result;
    if (duration !== undefined) parsed.duration = duration;
    if (bytes !== undefined) parsed.bytes = bytes;
    const object = this.#decoder.json.object(text);
    if (object === 'exceeded') return { reason: 'undecodable', message: this.#decoder.allowance.exceeded };
    if (object !== undefined && readPayload(object, parsed)) return parsed;
    if (encoding === 'none' && OURS.test(text) && this.#isCut(chunks) && object === undefined) {
      return cut('the JSON does not end');
    }
    // Any other payload is a message as a whole.
    parsed.fields = Object.create(null) as Record<string, unknown>;
    if (text !== '') parsed.message = text;
    return parsed;
  }

  #decode(encoding: string, chunks: readonly number[]): Decoded | ParseFailure {
    const [only] = chunks;
    if (encoding === 'none' && chunks.length === 1 && only !== undefined) {
      const text = this.#view.text(only);
      return text.includes('\ufffd') ? decoded(this.#view.bytes(only)) : { text };
    }
    return this.#decoder.decode(encoding, Buffer.concat(chunks.map((index) => this.#view.bytes(index))));
  }

  /** Whether more chunks may have followed: a writer may be killed between two records. */
  #isCut(chunks: readonly number[]): boolean {
    return this.#view.bytes(chunks.at(-1) as number).length > SAFE_VALUE - CHARACTER_MAX;
  }
}

function cut(why: string): ParseFailure {
  return { reason: 'incomplete_group', message: `there may have been more chunks: ${why}` };
}
