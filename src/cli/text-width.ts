/** Printable ASCII. */
const PLAIN = /^[ -~]*$/;
/** What takes no column of its own: marks on the character before, and formats. */
const ZERO = /[\p{Mn}\p{Me}\p{Cf}]/u;
/** East Asian Wide and Fullwidth of Unicode's EastAsianWidth.txt, by blocks, and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;

/** Columns of a terminal that a text takes; where terminals differ, the most. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

function widthOfCharacter(character: string): number {
  if (character < '\u0300') return 1;
  // A selector that makes an emoji of a character makes it wide.
  if (character === '\ufe0f') return 1;
  return ZERO.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}

/** The longest start of a text that takes at most that many columns; where it is cut, `mark` is its end. */
export function cutTo(text: string, width: number, mark = ''): string {
  if (text.length <= width && PLAIN.test(text)) return text;
  if (widthOf(text) <= width) return text;
  const room = Math.max(0, width - mark.length);
  let used = 0;
  let end = 0;
  for (const character of text) {
    used += widthOfCharacter(character);
    if (used > room) break;
    end += character.length;
  }
  return text.slice(0, end) + mark.slice(0, width);
}

/** The same of its end: where it is cut, `mark` is its beginning. */
export function endOf(text: string, width: number, mark: string): string {
  if (widthOf(text) <= width) return text;
  const shown = mark.slice(0, width);
  let room = width - shown.length;
  let end = '';
  for (const character of [...charactersOf(text)].toReversed()) {
    room -= widthOf(character);
    if (room < 0) break;
    end = character + end;
  }
  return shown + end;
}

/** Where a line may be broken: behind one of these. */
const BREAK = /[ |,;/]/;

/** Breaks a text into lines of at most `width` columns: behind a separator of the last third of a line, else anywhere. */
export function wrapText(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text];
  const lines: string[] = [];
  let line: string[] = [];
  let used = 0;
  for (const character of charactersOf(text)) {
    const columns = widthOf(character);
    if (used + columns > width && line.length > 0) {
      const kept = line.findLastIndex((other) => BREAK.test(other)) + 1;
      const end = kept > (line.length * 2) / 3 ? kept : line.length;
      lines.push(line.slice(0, end).join('').trimEnd());
      line = line.slice(end);
      used = widthOf(line.join(''));
    }
    line.push(character);
    used += columns;
  }
  return [...lines, line.join('')];
}

function charactersOf(text: string): Iterable<string> {
  return PLAIN.test(text) ? text : Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}
