import { endOfQuoted } from '../../end-of-quoted.ts';
import type { FoundItems } from './found-items.ts';
import { INTRINSIC, isItem, readXmlItems } from './xml-items.ts';

/** How `dump --json` starts, but no `key=value` line, nor a list of items that PowerShell has notes on. */
const DUMP = /^\s*\[\s*(?:\{\s*"(?:key|value)"\s*:(?!\s*"\s*(?:<|\\u003[Cc])INSTANCE)|\]\s*$|$)/;
/** Arrays and objects in each other. */
const DEPTH_MAX = 100;

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;

/** Whether a text is, or starts as, what `dump --json` prints. */
export function isJsonDump(text: string): boolean {
  return DUMP.test(text);
}

/** An array or object that has not ended. */
interface Open {
  readonly isArray: boolean;
  /** Whether what is in it is passed over. */
  readonly isPassed: boolean;
  /** The name of the member that comes next. */
  name: string;
  key?: string;
  value?: string;
  /** How many values it has so far. */
  count: number;
}

/**
 * Reads records of JSON, without a tree: objects with a key and a value, as `dump --json` prints them, and texts that are
 * items of a host, wherever they are. What precedes a damaged place is read.
 */
export function readJsonItems(text: string, found: FoundItems): void {
  const items = new JsonItems(text, found);
  try {
    items.read();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    found.spoil('JSON', error.message);
  }
}

class JsonItems {
  readonly #text: string;
  readonly #found: FoundItems;
  readonly #isDump: boolean;
  readonly #open: Open[] = [];
  #at = 0;

  constructor(text: string, found: FoundItems) {
    this.#text = text;
    this.#found = found;
    this.#isDump = isJsonDump(text);
  }

  /** Throws `SyntaxError`. */
  read(): void {
    for (let next = this.#skip(); next !== undefined; next = this.#skip()) {
      const open = this.#open.at(-1);
      if (open === undefined) this.#value(next);
      else if (next === (open.isArray ? ']' : '}')) this.#close(open);
      else {
        if (open.count > 0) next = this.#expect(',');
        if (!open.isArray) {
          open.name = this.#string();
          this.#skip();
          next = this.#expect(':');
        }
        open.count++;
        this.#value(next);
      }
      if (this.#isDump && this.#open.length === 0 && this.#skip() !== undefined) {
        throw new SyntaxError('there is more behind its end');
      }
    }
    if (this.#open.length > 0) throw new SyntaxError('it does not end');
  }

  #value(next: string | undefined): void {
    const open = this.#open.at(-1);
    const isRecord = this.#isDump && this.#open.length === 1;
    if (isRecord && next !== '{') this.#refuse(open as Open);
    if (next === '[' || next === '{') {
      if (this.#open.length === DEPTH_MAX) throw new SyntaxError('it is nested too deep');
      const isPassed = open?.isPassed === true || open?.name === INTRINSIC;
      this.#open.push({ isArray: next === '[', isPassed, name: '', count: 0 });
      this.#at++;
    } else if (next === '"') {
      const text = this.#string();
      if (open !== undefined && !open.isArray && (open.name === 'key' || open.name === 'value')) {
        open[open.name] = text;
      } else if (open?.isPassed !== true && open?.name !== INTRINSIC) this.#item(text);
    } else {
      SCALAR.lastIndex = this.#at;
      if (!SCALAR.test(this.#text)) throw this.#unexpected();
      this.#at = SCALAR.lastIndex;
    }
  }

  #close({ isArray, isPassed, key, value }: Open): void {
    this.#at++;
    this.#open.pop();
    const outer = this.#open.at(-1);
    if (isArray || isPassed) return;
    if (key !== undefined && value !== undefined) this.#found.add({ key, value });
    else if (this.#isDump && this.#open.length === 1) this.#refuse(outer as Open);
    // So PowerShell exports texts that it has notes on.
    else if (value !== undefined) this.#item(value);
  }

  #item(text: string): void {
    if (isItem(text)) readXmlItems(text, this.#found);
  }

  #refuse({ count }: Open): void {
    this.#found.refuse(`record ${count - 1} of the JSON must have a key and a value that are texts`);
  }

  /** Reads the text that starts here. */
  #string(): string {
    if (this.#text[this.#at] !== '"') throw this.#unexpected();
    const end = endOfQuoted(this.#text, this.#at);
    if (end < 0) throw new SyntaxError('it ends within a text');
    const quoted = this.#text.slice(this.#at, end + 1);
    try {
      const text = JSON.parse(quoted) as string;
      this.#at = end + 1;
      return text;
    } catch {
      throw new SyntaxError(`there is no JSON text at character ${this.#at}`);
    }
  }

  /** Passes a character and white space behind it; returns what follows. */
  #expect(character: string): string | undefined {
    if (this.#text[this.#at] !== character) throw this.#unexpected();
    this.#at++;
    return this.#skip();
  }

  /** Passes white space; returns the character behind it, `undefined` at the end. */
  #skip(): string | undefined {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
    return this.#text[this.#at];
  }

  #unexpected(): SyntaxError {
    const found = this.#text[this.#at];
    if (found === undefined) return new SyntaxError('it does not end');
    return new SyntaxError(`${JSON.stringify(found)} is not expected at character ${this.#at}`);
  }
}
