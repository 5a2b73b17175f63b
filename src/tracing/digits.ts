/*
 * The whole numbers below 1,000 as texts, each kept when it was asked for: V8 takes five to ten times as long to format
 * a number that it did not format lately.
 */
const DIGITS = Array.from<string | undefined>({ length: 1000 });
const PADDED = Array.from<string | undefined>({ length: 1000 });

export function digits(number: number): string {
  return (DIGITS[number] ??= String(number));
}

/** The same with three digits. */
export function threeDigits(number: number): string {
  return (PADDED[number] ??= String(number).padStart(3, '0'));
}
