import { visible } from '../texts.ts';

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
  return SPECIAL.test(shown)
    ? shown.replace(/[&<>"']/g, (character) => ESCAPES[character] as string)
    : shown;
}

/** A text of the pool as HTML, whose direction changes nothing around it. */
export function bdi(text: string): string {
  return `<bdi>${escapeHtml(text)}</bdi>`;
}
