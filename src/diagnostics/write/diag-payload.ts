import { BoundedCache, flatCopy } from '../../tracing/bounded-cache.ts';
import type { Fields } from '../../tracing/fields.ts';
import type { Metadata } from '../../tracing/metadata.ts';
import { fieldsJson, quote } from './fields-json.ts';

// Payloads of the diagnostics contract as this package spells them: `{"target":…,"level":…,"fields":{…},…}`. A
// payload is an opening up to its first field, fields, and a closing with the members that follow them.

/** Openings longer than this are not kept. */
const OPENING_MAX = 256;

/** The payload of a program without spans, which has fields alone. */
export function fieldsPayload(fields: Fields, members = ''): string {
  return fieldsJson('{"fields":{', fields, closing(members));
}

/** The openings of payloads, kept because spelling them takes as long as all the rest of an event. */
export class PayloadOpenings {
  /** By target, then by verbosity. */
  readonly #byTarget = new BoundedCache<string[]>();
  /** By message: the opening for the target and level that the message came from last. */
  readonly #byMessage = new BoundedCache<MessageOpening>();

  /** `{"target":…,"level":…,"fields":{`. */
  of({ target, level, verbosity }: Metadata): string {
    const openings = this.#byTarget.get(target) ?? this.#byTarget.add(target, () => []);
    return (openings[verbosity] ??= flatCopy(`{"target":${quote(target)},"level":"${level}","fields":{`));
  }

  /** The same with the message of an event as the first field, if it has one. */
  ofEvent(metadata: Metadata, message: string | undefined): string {
    if (message === undefined) return this.of(metadata);
    const known = this.#byMessage.get(message);
    // Nearly always of the same callsite, whose opening need not be searched then.
    if (known?.metadata === metadata) return known.withMessage;
    const opening = this.of(metadata);
    if (known?.opening === opening) {
      known.metadata = metadata;
      return known.withMessage;
    }
    const withMessage = `${opening}"message":${quote(message)}`;
    if (known !== undefined || opening.length > OPENING_MAX) return withMessage;
    return this.#byMessage.add(message, (_, isKept) => ({
      metadata,
      opening,
      withMessage: isKept ? flatCopy(withMessage) : withMessage,
    })).withMessage;
  }
}

/** The opening of an event, and where it came from last. */
interface MessageOpening {
  metadata: Metadata;
  readonly opening: string;
  readonly withMessage: string;
}

/** The end of a payload: of its fields, then of the payload behind `members`. */
export function closing(members: string): string {
  return `}${members}}`;
}

/** The full name of a record whose key can't hold it. */
export function nameMember(full: string | undefined): string {
  return full === undefined ? '' : `,"name":${quote(full)}`;
}

/** The id of a span's parent. */
export function parentMember(id: string | undefined): string {
  return id === undefined ? '' : `,"parent":"${id}"`;
}

/** OpenTelemetry's id of the span around a span, where that is of another program or instrumentation. */
export function parentSpanMember(spanId: string | undefined): string {
  return spanId === undefined ? '' : `,"parent_span_id":"${spanId}"`;
}

/** The id of the span that an event happened in. */
export function spanMember(id: string | undefined): string {
  return id === undefined ? '' : `,"span":"${id}"`;
}

/** OpenTelemetry's ids. */
export function traceMembers(traceId: string | undefined, spanId: string | undefined): string {
  return traceId === undefined ? '' : `,"trace_id":"${traceId}","span_id":"${spanId}"`;
}

/** How often a span was entered, and for how many milliseconds it was entered and not entered. */
export function busyMembers(entered: number, busy: number, idle: number): string {
  return `,"entered":${entered},"busy":${secondsOf(busy)},"idle":${secondsOf(idle)}`;
}

/** When an event happened that is written later; `time` is RFC 3339. */
export function timeMember(time: string): string {
  return `,"time":"${time}"`;
}

function secondsOf(milliseconds: number): number {
  return Number((milliseconds / 1000).toFixed(6));
}
