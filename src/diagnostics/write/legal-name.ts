import { checkKeyField } from '../../pool/key-layout.ts';
import { ID_MAX } from '../../pool/limits.ts';
import { VERSION } from '../../version.ts';

/** Bytes that an `agent` may have (azure-init doc/diagnostics.md). */
export const AGENT_MAX = 32;

/** The agent if none is given: this package. */
export const DEFAULT_AGENT = `kvp-tracing/${VERSION}`;

/** Throws `FieldError` for an `agent` or `vmId` that no key can hold. */
export function checkProducer(agent: string, vmId: string): void {
  checkKeyField('agent', agent, AGENT_MAX);
  checkKeyField('vm_id', vmId, ID_MAX);
}

/** A name that a key can hold. */
export interface LegalName {
  readonly text: string;
  /** The full name if `text` is not it. */
  readonly full: string | undefined;
}

const ILLEGAL = /[|\u0000-\u001f\u007f-\u009f]/g;
const PLAIN = /^[\u0020-\u007b\u007d\u007e]+$/;

/** Cuts a name at a character to `limit` bytes and replaces `|` and control characters by `_`. */
export function legalName(name: string, limit: number): LegalName {
  if (name.length <= limit && PLAIN.test(name)) return { text: name, full: undefined };
  const text = cutBytes(name.toWellFormed().replace(ILLEGAL, '_'), limit) || '_';
  return { text, full: text === name || name === '' ? undefined : name };
}

/** Makes `name/version` fit 32 bytes: the name is cut, the version stays whole. */
export function legalAgent(agent: string): string {
  const clean = agent.toWellFormed().replace(ILLEGAL, '_') || '_';
  if (Buffer.byteLength(clean) <= AGENT_MAX) return clean;
  const slash = clean.lastIndexOf('/');
  const version = slash < 0 ? '' : clean.slice(slash);
  const room = AGENT_MAX - Buffer.byteLength(version);
  return room > 0
    ? cutBytes(clean.slice(0, slash < 0 ? undefined : slash), room) + version
    : cutBytes(clean, AGENT_MAX);
}

/** The longest start of `text` of at most `limit` bytes that ends at a character. */
export function cutBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  let end = Math.min(bytes.length, limit);
  while (end < bytes.length && end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
