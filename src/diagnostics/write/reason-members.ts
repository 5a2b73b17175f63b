import { FINISH_EXTRA, SAFE_VALUE } from '../../pool/limits.ts';
import type { Failure } from '../../tracing/failure.ts';
import { quote } from './fields-json.ts';

/** Bytes of UTF-8 that a reason and its sources have together at most, before they are escaped. */
const REASON_MAX = 1024;
const REASON = ',"reason":';
const SOURCES = ',"reason.sources":[';
/** Bytes of the longest character. A record that is followed by another may lack all but one of them. */
const CHARACTER_MAX = 4;
/** Bytes of UTF-8 that a UTF-16 unit has at most. */
const UNIT_MAX = 3;

/** How many bytes a finish has at least in the records that a start with this payload reserves for it. */
export function finishRoom(startPayload: string): number {
  const most = startPayload.length * UNIT_MAX + FINISH_EXTRA;
  // Most are short enough for one record whatever characters they have, and need not be counted.
  const bytes = most <= SAFE_VALUE ? most : Buffer.byteLength(startPayload) + FINISH_EXTRA;
  return roomIn(recordsOf(bytes));
}

/**
 * The payload of a failed span's finish with `"reason"` and `"reason.sources"` as its last members, cut at characters
 * to what is left of `room` or of the payload's last record: a reason never makes a finish need a record that was not
 * reserved for it.
 */
export function withReason(payload: string, { reason, sources }: Failure, room: number): string {
  if (reason === undefined) return payload;
  const bytes = Buffer.byteLength(payload);
  const texts = new BoundedTexts(Math.max(room, roomIn(recordsOf(bytes))) - bytes);
  let members = texts.quoted(REASON, reason);
  const list: string[] = [];
  for (const source of sources) {
    const quoted = texts.quoted(list.length === 0 ? SOURCES : ',', source);
    if (quoted === '') break;
    list.push(quoted);
  }
  if (list.length > 0) members += `${list.join('')}]`;
  return `${payload.slice(0, -1)}${members}}`;
}

function recordsOf(bytes: number): number {
  return Math.ceil(bytes / SAFE_VALUE);
}

function roomIn(records: number): number {
  return records * SAFE_VALUE - (records - 1) * (CHARACTER_MAX - 1);
}

/** Texts as JSON with a bound on their bytes, both as they are and as they are written. */
class BoundedTexts {
  #left = REASON_MAX;
  /** Bytes of JSON that are left. */
  #room: number;

  constructor(room: number) {
    // The bracket that ends a list.
    this.#room = room - 1;
  }

  /** `before` and as much of a text as fits, quoted; nothing once a text was cut. */
  quoted(before: string, text: string): string {
    const start = this.#startOf(text, this.#room - before.length - 2);
    if (start === '' && text !== '') this.#room = 0;
    if (this.#room <= before.length + 2) return '';
    const json = before + quote(start);
    this.#left -= Buffer.byteLength(start);
    this.#room = start === text.toWellFormed() ? this.#room - Buffer.byteLength(json) : 0;
    return json;
  }

  #startOf(text: string, room: number): string {
    // No character has fewer bytes than units: what is cut here would not fit.
    const some = text.slice(0, REASON_MAX).toWellFormed();
    let bytes = 0;
    let escaped = 0;
    let end = 0;
    for (const character of some) {
      const size = Buffer.byteLength(character);
      bytes += size;
      escaped += size === 1 ? quote(character).length - 2 : size;
      if (bytes > this.#left || escaped > room) break;
      end += character.length;
    }
    return some.slice(0, end);
  }
}
