/** What breaks a line, controls the terminal, or changes the order in which the rest of the line is shown. */
// oxlint-disable-next-line no-control-regex -- named classes such as \p{Cc} take Node.js a millisecond at each start
export const HARMFUL = /[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** Characters that can't be seen: controls, formats, separators, unassigned and private ones; a class of a regular expression. */
export const INVISIBLE_CLASS =
  '\\p{Cc}\\p{Cf}\\p{Cn}\\p{Co}\\p{Zl}\\p{Zp}\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000';
let invisible: RegExp | undefined;

/** The text with characters that can't be seen escaped, as `\u{202e}` or in their short form. */
export function withoutInvisible(text: string): string {
  // Made when it is needed first: Node.js looks its classes up when it makes it, not when it uses it.
  invisible ??= new RegExp(`[${INVISIBLE_CLASS}]`, 'gu');
  return text.replace(
    invisible,
    (character) => SHORT_ESCAPES.get(character) ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** Escapes that have a short form in Rust and JavaScript. */
export const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\0', '\\0'],
]);

/** How tracing-subscriber spells a control character, and `\u{…}` for what is not ASCII. */
export function harmlessEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return (
    SHORT_ESCAPES.get(character) ??
    (code > 0x7f ? `\\u{${code.toString(16)}}` : `\\x${code.toString(16).padStart(2, '0')}`)
  );
}

/** UTF-16 units of a text that a line of the package's own shows. */
const PRINTABLE_MAX = 1024;

/**
 * A text for a line of the package's own: well-formed, without what controls a terminal, and at most 1,024 characters
 * of it. The end of a longer text is replaced by how many characters are left out. Printing it twice changes nothing.
 */
export function printable(text: string): string {
  const isLong = text.length > PRINTABLE_MAX && !(text.length < PRINTABLE_MAX + 64 && IS_CUT.test(text));
  const kept = isLong ? text.slice(0, PRINTABLE_MAX) : text;
  const harmless = kept.toWellFormed().replace(HARMFUL, harmlessEscape);
  return isLong ? `${harmless}… [+${text.length - PRINTABLE_MAX} characters]` : harmless;
}

const IS_CUT = /… \[\+\d+ characters\]$/;

/** JSON as it is, but for characters that control a terminal or the order of a line, which JSON allows in texts. */
export function printableJson(json: string): string {
  return json.replace(UNESCAPED, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What `JSON.stringify` leaves as it is. */
const UNESCAPED = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
