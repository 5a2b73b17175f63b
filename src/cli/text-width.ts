const SEGMENTER = new Intl.Segmenter();
const NOT_ASCII = /[^ -~]/;
/** Characters that take two columns of a terminal: East Asian wide ones and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;

/** How many columns of a terminal a text without control characters takes. */
export function textWidth(text: string): number {
  if (!NOT_ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of SEGMENTER.segment(text)) width += characterWidth(segment);
  return width;
}

function characterWidth(segment: string): number {
  if (WIDE.test(segment)) return 2;
  return /^\p{M}+$/u.test(segment) ? 0 : 1;
}

/** Where a line may be broken: behind one of these. */
const BREAK = /[ |,;/]/;

/** Breaks a text into lines of at most `width` columns: behind a separator of the last third of a line, else anywhere. */
export function wrapText(text: string, width: number): string[] {
  if (textWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line: string[] = [];
  let used = 0;
  for (const character of charactersOf(text)) {
    const columns = characterWidth(character);
    if (used + columns > width && line.length > 0) {
      const kept = line.findLastIndex((other) => BREAK.test(other)) + 1;
      const end = kept > (line.length * 2) / 3 ? kept : line.length;
      lines.push(line.slice(0, end).join('').trimEnd());
      line = line.slice(end);
      used = textWidth(line.join(''));
    }
    line.push(character);
    used += columns;
  }
  return [...lines, line.join('')];
}

function charactersOf(text: string): Iterable<string> {
  return NOT_ASCII.test(text) ? Array.from(SEGMENTER.segment(text), ({ segment }) => segment) : text;
}
