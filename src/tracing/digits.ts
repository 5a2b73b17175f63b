/*
 * The whole numbers below 1,000 as texts, each kept when it was asked for: V8 takes five to ten times as long to format
 * a number that it did not format lately.
 */
const DIGITS: string[] = [];
const PADDED: string[] = [];

export function digits(number: number): string {
  return (DIGITS[number] ??= String(number));
}

/** The same with three digits. */
export function threeDigits(number: number): string {
  return (PADDED[number] ??= String(number).padStart(3, '0'));
}
