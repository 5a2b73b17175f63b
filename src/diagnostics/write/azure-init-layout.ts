import { isError } from '../../errors.ts';
import { valueText } from '../../format/value-text.ts';
import type { KeyLayout } from '../../pool/key-layout.ts';
import { ID_MAX, SAFE_KEY } from '../../pool/limits.ts';
import type { DropReport } from '../../pool/pool-writer.ts';
import { wallMicros } from '../../tracing/clock.ts';
import type { Fields } from '../../tracing/fields.ts';
import type { Metadata } from '../../tracing/metadata.ts';
import type { Span } from '../../tracing/span.ts';
import { cutText, errorMessage } from '../../tracing/value.ts';
import { AGENT_MAX, checkProducer } from './legal-name.ts';
import { DROP_REPORT_NAME, type Layout } from '../layout.ts';
import { Date } from '../../tracing/timers.ts';

/** Bytes of a safe key that the longest agent, VM id, level and UUID and four separators leave for the name. */
const NAME_MAX = SAFE_KEY - (AGENT_MAX + ID_MAX + 'ERROR'.length + ID_MAX + 4);

/** `agent|vm_id|LEVEL|name|id`; all chunks of a payload have the same key (azure-init doc/kvp.md). */
export function azureInitKeyLayout(agent: string, vmId: string): KeyLayout {
  checkProducer(agent, vmId);
  const prefix = `${agent.replaceAll('/', '-')}|${vmId}|`;
  return { prefix, word: 'level', nameMax: NAME_MAX, details: false, numbered: false };
}

/**
 * What azure-init 0.1 writes (azure-init libazureinit/src/kvp.rs): text, for events in spans and for spans that
 * have ended, without the fields of these. The full form of a name that is cut or altered is not kept.
 */
export class AzureInitLayout implements Layout {
  readonly keyLayout = azureInitKeyLayout;
  /** Its name starts with the target, as those of spans do. */
  readonly dropReport: DropReport = { name: qualifiedName('kvp_tracing', DROP_REPORT_NAME), style: 'debug' };

  spanName({ metadata: { target }, name }: Span): string {
    return qualifiedName(target, name);
  }

  finish(span: Span): string {
    const end = wallMicros() / 1000;
    return spanText(end - span.duration, end);
  }

  eventInSpan(_metadata: Metadata, message: string | undefined, fields: Fields): string {
    return eventText(wallMicros() / 1000, message, fields);
  }
}

/** The name of a span's records and of those of its events: `module::path:span`. */
export function qualifiedName(target: string, name: string): string {
  return target === '' || target === name ? name : `${target}:${name}`;
}

/** `Time: … | Event: message=…, name=value`, of an event at `time` in milliseconds since 1970. */
export function eventText(time: number, message: string | undefined, { names, values }: Fields): string {
  let text = `Time: ${timeText(time)} | Event: `;
  let separator = '';
  if (message !== undefined) {
    text += `message=${displayed(message)}`;
    separator = ', ';
  }
  for (let i = 0; i < names.length; i++) {
    const value = values[i];
    if (value === undefined) continue;
    const shown = isError(value) ? displayed(errorMessage(value)) : valueText(value);
    text += `${separator}${displayed(names[i] as string)}=${shown}`;
    separator = ', ';
  }
  return text;
}

/** `Start: … | End: …`, of a span that was open between two times in milliseconds since 1970. */
export function spanText(start: number, end: number): string {
  return `Start: ${timeText(start)} | End: ${timeText(end)}`;
}

let last = { millisecond: -1, text: '' };

/** RFC 3339 in UTC with milliseconds. The last one is kept: spelling it takes longer than all the rest of an event. */
function timeText(time: number): string {
  const millisecond = Math.floor(time);
  if (millisecond !== last.millisecond) {
    last = { millisecond, text: new Date(millisecond).toISOString() };
  }
  return last.text;
}

/** A text whose NULs are escaped, because the host would cut it there. */
function displayed(text: string): string {
  return cutText(text).replaceAll('\0', '\\0');
}
