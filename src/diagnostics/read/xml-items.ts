import type { PoolRecord } from '../../pool/record.ts';
import type { FoundItems } from './found-items.ts';
import { XmlError, XmlScanner, type XmlToken } from './xml-scanner.ts';

/** The class of the items of `GuestExchangeItems`; other instances are passed over. */
const ITEM_CLASS = 'Msvm_KvpExchangeDataItem';
const INSTANCE = '<INSTANCE';
/** Characters that an item may have: key and value have at most 2,560, each of which may be a reference. */
const ITEM_MAX = 64 * 1024;
/** An item is a text in CLIXML, and that may be a text in other XML. */
const NESTED_MAX = 3;
/** Elements in elements. */
const DEPTH_MAX = 100;
/** What the host says by itself, beside what the guest wrote. */
export const INTRINSIC = 'GuestIntrinsicExchangeItems';

/** Whether a text is an item, or starts as one. */
export function isItem(text: string): boolean {
  return /^\s*<INSTANCE[\s>]/.test(text);
}

/**
 * Reads items of XML: the instances themselves, one after the other, or texts that are such, as in CLIXML. After a
 * damaged place it goes on at the next instance.
 */
export function readXmlItems(text: string, found: FoundItems): void {
  new XmlItems(text, found, 0).read();
}

class XmlItems {
  readonly #text: string;
  readonly #found: FoundItems;
  readonly #nested: number;
  readonly #scanner: XmlScanner;
  readonly #open: string[] = [];
  /** How many elements are open around what is passed over. */
  #passedAt = Infinity;
  #isClixml = false;
  /** The text of the innermost element so far. */
  #content = '';

  constructor(text: string, found: FoundItems, nested: number) {
    this.#text = text;
    this.#found = found;
    this.#nested = nested;
    this.#scanner = new XmlScanner(text);
  }

  read(): void {
    for (;;) {
      const start = this.#scanner.at;
      try {
        const token = this.#scanner.next();
        if (token !== undefined) {
          this.#hear(token, start);
          continue;
        }
        const inner = this.#open.at(-1);
        if (inner !== undefined) this.#found.spoil('XML', `it ends within ${inner}`);
        return;
      } catch (error) {
        if (!(error instanceof XmlError)) throw error;
        this.#found.spoil('XML', error.message);
        const next = this.#text.indexOf(INSTANCE, start + 1);
        if (next < 0) return;
        this.#scanner.at = next;
        this.#content = '';
      }
    }
  }

  #hear(token: XmlToken, start: number): void {
    if (token.kind === 'text') {
      // Between elements there is white space, or what a terminal printed.
      if (this.#open.length > 0) this.#content += token.text;
    } else if (token.kind === 'open') {
      this.#content = '';
      if (token.name === 'INSTANCE' && token.attributes.get('CLASSNAME') === ITEM_CLASS) {
        const item = new XmlScanner(this.#text.slice(start, start + ITEM_MAX));
        const record = readItem(item);
        this.#scanner.at = start + item.at;
        if (this.#open.length < this.#passedAt) this.#found.add(record);
      } else if (!token.isEmpty) {
        if (this.#open.length === 0) this.#isClixml = token.name === 'Objs';
        if (this.#open.length === DEPTH_MAX) throw new XmlError('elements are nested too deep');
        if (['N', 'Name', 'NAME'].some((name) => token.attributes.get(name) === INTRINSIC))
          this.#passedAt = Math.min(this.#passedAt, this.#open.length);
        this.#open.push(token.name);
      }
    } else {
      this.#close(token.name);
    }
  }

  #close(name: string): void {
    if (this.#open.at(-1) !== name) throw new XmlError(`</${name}> closes nothing`);
    const text = this.#isClixml ? unescaped(this.#content) : this.#content;
    this.#content = '';
    const isPassed = this.#open.length > this.#passedAt;
    this.#open.pop();
    if (this.#open.length === this.#passedAt) this.#passedAt = Infinity;
    if (isPassed || !isItem(text)) return;
    if (this.#nested === NESTED_MAX) throw new XmlError('texts of XML are nested too deep');
    new XmlItems(text, this.#found, this.#nested + 1).read();
  }
}

/** Reads an instance from its start to its end: `Name` is the key, `Data` the value. */
function readItem(scanner: XmlScanner): PoolRecord {
  const open: string[] = [];
  const properties = new Map<string, string>();
  let property = '';
  do {
    const token = scanner.next();
    if (token === undefined) throw new XmlError('an item does not end');
    const path = open.join('/');
    if (token.kind === 'open') {
      if (path === 'INSTANCE' && token.name === 'PROPERTY') {
        property = (token.attributes.get('NAME') ?? '').toLowerCase();
        if (properties.has(property)) throw new XmlError(`an item has ${property} twice`);
        properties.set(property, '');
      }
      if (open.length === DEPTH_MAX) throw new XmlError('elements are nested too deep');
      if (!token.isEmpty) open.push(token.name);
    } else if (token.kind === 'close') {
      if (open.pop() !== token.name) throw new XmlError(`</${token.name}> closes nothing`);
    } else if (path === 'INSTANCE/PROPERTY/VALUE') {
      properties.set(property, `${properties.get(property)}${token.text}`);
    } else if (token.text.trim() !== '' && !path.startsWith('INSTANCE/PROPERTY.')) {
      throw new XmlError('an item has text outside of a VALUE');
    }
  } while (open.length > 0);
  const [key, value] = [properties.get('name'), properties.get('data')];
  if (key === undefined && value === undefined) throw new XmlError('an item has no Name and no Data');
  return { key: key ?? '', value: value ?? '' };
}

/** A text of CLIXML as it was: `_x000A_` is a line feed. */
function unescaped(text: string): string {
  return text.replace(/_x([\da-f]{4})_/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
