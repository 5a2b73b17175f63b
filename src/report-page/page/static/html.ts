import { isAscii, visible } from '../texts.ts';

const SPECIAL = /[&<>"']/;
const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A text of the pool as HTML, also in a quoted attribute; what can't be seen is escaped. */
export function escapeHtml(text: string): string {
  const shown = visible(text);
  return SPECIAL.test(shown) ? shown.replace(/[&<>"']/g, (character) => ESCAPES[character] as string) : shown;
}

/** A text of the pool as HTML, whose direction changes nothing around it; ASCII has but one direction. */
export function bdi(text: string): string {
  return isAscii(text) ? escapeHtml(text) : `<bdi>${escapeHtml(text)}</bdi>`;
}
