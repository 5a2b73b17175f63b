/** A piece of XML. */
export type XmlToken =
  | { kind: 'open'; name: string; attributes: ReadonlyMap<string, string>; isEmpty: boolean }
  | { kind: 'close'; name: string }
  | { kind: 'text'; text: string };

/** Why a text is no XML; its message continues a sentence. */
export class XmlError extends Error {}

const NAME = '[A-Za-z_][\\w.:-]*';
const OPEN = new RegExp(`<(${NAME})`, 'y');
const CLOSE = new RegExp(`</(${NAME})\\s*>`, 'y');
const ATTRIBUTE = new RegExp(`\\s+(${NAME})\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`, 'y');
const END = /\s*(\/?)>/y;
const REFERENCE = /&(?:(?:#x([\da-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));)?/gi;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** What is between two delimiters and is not XML itself. */
const SECTIONS = [
  { start: '<!--', end: '-->', isText: false },
  { start: '<![CDATA[', end: ']]>', isText: true },
  { start: '<?', end: '?>', isText: false },
] as const;

/**
 * Reads XML piece by piece, without a tree: as little of it as is needed of a text that nobody vouches for. There is no
 * document type declaration, and so no entity but XML's own five. Line breaks stay as they are: PowerShell prints them so.
 */
export class XmlScanner {
  readonly #text: string;
  /** Delimiters that are not there any more: each is looked for once. */
  readonly #missing = new Set<string>();
  /** Where the next piece starts. */
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next piece; `undefined` at the end. Throws `XmlError`, with `at` where the damage starts. */
  next(): XmlToken | undefined {
    for (;;) {
      if (this.at >= this.#text.length) return undefined;
      if (this.#text[this.at] !== '<') return this.#plain();
      const section = SECTIONS.find(({ start }) => this.#text.startsWith(start, this.at));
      if (section === undefined) return this.#tag();
      const from = this.at + section.start.length;
      const end = this.#missing.has(section.end) ? -1 : this.#text.indexOf(section.end, from);
      if (end < 0) {
        this.#missing.add(section.end);
        throw new XmlError(`${section.start} has no ${section.end}`);
      }
      this.at = end + section.end.length;
      if (section.isText) return { kind: 'text', text: this.#text.slice(from, end) };
    }
  }

  #plain(): XmlToken {
    const next = this.#text.indexOf('<', this.at);
    const end = next < 0 ? this.#text.length : next;
    const text = decoded(this.#text.slice(this.at, end));
    this.at = end;
    return { kind: 'text', text };
  }

  #tag(): XmlToken {
    const start = this.at;
    const close = this.#match(CLOSE);
    if (close !== undefined) return { kind: 'close', name: close[1] as string };
    const open = this.#match(OPEN);
    if (open === undefined) {
      throw new XmlError(
        this.#text.startsWith('<!', start) ? 'declarations are not read' : 'a < starts no element',
      );
    }
    const attributes = new Map<string, string>();
    try {
      for (let found = this.#match(ATTRIBUTE); found !== undefined; found = this.#match(ATTRIBUTE)) {
        const [, name = '', quoted, single = ''] = found;
        if (attributes.has(name)) throw new XmlError(`the attribute ${name} is there twice`);
        attributes.set(name, decoded(quoted ?? single));
      }
      const end = this.#match(END);
      if (end === undefined) throw new XmlError(`the tag ${open[1]} does not end`);
      return { kind: 'open', name: open[1] as string, attributes, isEmpty: end[1] === '/' };
    } catch (error) {
      this.at = start;
      throw error;
    }
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.at = pattern.lastIndex;
    return found;
  }
}

function decoded(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(REFERENCE, (_, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return ENTITIES[name.toLowerCase()] as string;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    // Also `NaN`, where there is no reference behind an ampersand.
    if (!(code > 0 && code <= 0x10ffff)) throw new XmlError('a & starts none of the references that XML has');
    return String.fromCodePoint(code);
  });
}
