import { SAFE_VALUE } from '../../pool/limits.ts';
import { type Group, Groups } from './record-groups.ts';
import { parseDiag, schemaOf, splitChunk } from './diag-key.ts';
import type { Collector, ParseFailure, Parsed } from '../diagnostic.ts';
import { type Decoded, decoded, type Decoder } from '../encoding.ts';
import type { PoolView } from './pool-view.ts';
import { readPayload } from './read-payload.ts';

/** A chunk that leaves less room than this may end at a character that did not fit: it may not be the last. */
const CHARACTER_MAX = 4;
/** How the payloads of spans and events start; what else starts like JSON may be any text. */
const OURS = /^\{"(?:target|level|fields)":/;

/** Recognises format `diag`: chunks of one payload may lie anywhere and in any order. */
export class DiagCollector implements Collector {
  readonly #view: PoolView;
  readonly #decoder: Decoder;
  /** By what their keys share, the key without its chunk index. */
  readonly #groups = new Groups();

  constructor(view: PoolView, decoder: Decoder) {
    this.#view = view;
    this.#decoder = decoder;
  }

  take(key: string, index: number): boolean {
    const schema = schemaOf(key);
    if (schema === 'other') return false;
    // How the keys of another version are made is not known, not even what their last field is.
    const { group, chunk } =
      schema === 'diag' ? splitChunk(key) : { group: `${key}|${index}`, chunk: undefined };
    this.#groups.add(group, index, chunk);
    return true;
  }

  *finish(): Iterable<{ records: number[]; told: Parsed | ParseFailure }> {
    for (const [key, group] of this.#groups) {
      yield { records: group.records, told: this.#read(key, group) };
    }
  }

  #read(shared: string, group: Group): Parsed | ParseFailure {
    if (schemaOf(shared) === 'unsupported') {
      const schema = JSON.stringify(shared.slice(0, shared.indexOf('|')));
      return { reason: 'unsupported_version', message: `${schema} is not DIAG` };
    }
    const key = parseDiag(shared);
    if ('reason' in key) return key;
    const chunks = group.inOrder();
    if ('reason' in chunks) return chunks;
    const { kind, agent, vmId, name, id, time, encoding, result, duration } = key;
    const payload = this.#payload(encoding, chunks);
    if ('reason' in payload) {
      if (payload.reason !== 'incomplete_group') return payload;
      return this.#isCut(chunks) ? cut(payload.message) : { ...payload, reason: 'undecodable' };
    }
    const { text, bytes } = payload;
    const told: Parsed = { format: 'diag', kind, agent, vmId, name, id, time, fields: {}, text };
    if (result !== '') told.result = result;
    if (duration !== undefined) told.duration = duration;
    if (bytes !== undefined) told.bytes = bytes;
    if (readPayload(text, told)) return told;
    if (encoding === 'none' && OURS.test(text) && this.#isCut(chunks) && !isJson(text)) {
      return cut('the JSON does not end');
    }
    // A payload that is not ours is a message as a whole.
    told.fields = Object.create(null) as Record<string, unknown>;
    if (text !== '') told.message = text;
    return told;
  }

  #payload(encoding: string, chunks: readonly number[]): Decoded | ParseFailure {
    const [only] = chunks;
    if (encoding === 'none' && chunks.length === 1 && only !== undefined) {
      const text = this.#view.text(only);
      return text.includes('\ufffd') ? decoded(this.#view.bytes(only)) : { text };
    }
    return this.#decoder.decode(encoding, Buffer.concat(chunks.map((index) => this.#view.bytes(index))));
  }

  /** Whether more may have followed: who writes is killed between two records, too. */
  #isCut(chunks: readonly number[]): boolean {
    return this.#view.bytes(chunks.at(-1) as number).length > SAFE_VALUE - CHARACTER_MAX;
  }
}

function cut(why: string): ParseFailure {
  return { reason: 'incomplete_group', message: `there may have been more chunks: ${why}` };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
