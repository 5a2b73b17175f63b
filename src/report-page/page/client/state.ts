import type { Zone } from '../texts.ts';

/** A choice of the reader that is kept where the browser lets a file keep something. */
export function keptChoice<Value extends string>(name: string, values: readonly Value[]): Value {
  try {
    const kept = localStorage.getItem(`kvp-report-${name}`);
    if (values.includes(kept as Value)) return kept as Value;
  } catch {
    // The browser keeps nothing of files.
  }
  return values[0] as Value;
}

export function keepChoice(name: string, value: string): void {
  try {
    localStorage.setItem(`kvp-report-${name}`, value);
  } catch {
    // As above.
  }
}

export type Theme = 'system' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
export const ZONES: readonly Zone[] = ['utc', 'local'];

export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

const HASH = /^#span-(\d{1,9})$/;

/** The number of the span that the address names. */
export function spanOfHash(count: number): number | undefined {
  const number = Number(HASH.exec(location.hash)?.[1] ?? Number.NaN);
  return number < count ? number : undefined;
}

/** Puts a text where the reader can paste it from; says whether it could. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    // What browsers have where a file may not write to the clipboard.
    const isDone = document.execCommand('copy');
    area.remove();
    return isDone;
  }
}
