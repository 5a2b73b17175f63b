import type { Allowance } from './allowance.ts';
import { endOfQuoted } from '../end-of-quoted.ts';
import { isRecord } from '../tracing/value.ts';

/** An object that was read. */
export interface ReadObject {
  readonly members: Record<string, unknown>;
  /** Whether it and the objects in it are hash tables. */
  readonly isTable: boolean;
}

/** Characters of a text, and of all texts of a pool, that V8's parser is given: what it makes of more may fill the memory. */
const QUICK_TEXT = 16 * 1024;
const QUICK_POOL = 1024 * 1024;

/** Characters of a text whose lists of names may be known: what a record holds. */
const KNOWN_TEXT = 2048;
/** Lists of names that are remembered, and the length of one. */
const SHAPES_MAX = 256;
const SHAPE_MAX = 512;

/** Bytes of memory that V8 takes at most for a value in an array, an array, an object, and a property with a short name. */
const ELEMENT = 24;
const ARRAY = 40;
const OBJECT = 240;
const PROPERTY = 64;
/** Bytes for a text, besides its characters. */
const TEXT = 24;
/** Properties with names below this are elements of an array with gaps, of at most that many. */
const GAPS_MAX = 512;

/** Reads the JSON of one pool within its allowance. */
export class JsonReader {
  readonly #allowance: Allowance;
  #quick = QUICK_POOL;
  readonly #shapes = new Set<string>();
  /** The names of the last object that was known. */
  #last: readonly string[] = [];

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }

  /** The JSON object that a text stands for, `undefined` for another text; `exceeded` if it would take too much memory. */
  object(text: string): ReadObject | 'exceeded' | undefined {
    if (!text.startsWith('{') && !/^\s*\{/.test(text)) return undefined;
    // Most pools hold less than that. V8's parser is faster, but remembers each list of names that it meets.
    const isTable = text.length > Math.min(QUICK_TEXT, this.#quick);
    if (!isTable) this.#quick -= text.length;
    const isLittleLeft = !isTable && this.#quick < QUICK_POOL / 2;
    try {
      const value: unknown = isTable
        ? this.#allowance.attempt(() => new Parser(text, this.#allowance).parse())
        : JSON.parse(text);
      if (!isRecord(value)) return undefined;
      // Lists of names that V8 knows take no more memory.
      if (isLittleLeft && text.length <= KNOWN_TEXT && this.#isKnown(value)) this.#quick += text.length;
      return { members: value, isTable };
    } catch (error) {
      if (error === EXCEEDED) return 'exceeded';
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** Whether an object like this was met before: with the same names, and the same in the objects in it. */
  #isKnown(members: Record<string, unknown>): boolean {
    const names = namesIn(members);
    if (names === undefined) return false;
    // Most are like the one before; a long text that was just put together takes time to look up.
    if (areSame(names, this.#last)) return true;
    const text = `${names.join('\0')}\0`;
    const isKnown = this.#shapes.has(text);
    if (!isKnown && this.#shapes.size < SHAPES_MAX && text.length < SHAPE_MAX) this.#shapes.add(text);
    if (isKnown) this.#last = names;
    return isKnown;
  }
}

/** The names of an object and of the objects in it; `undefined` if there are objects in these. */
function namesIn(members: Record<string, unknown>): string[] | undefined {
  const names: string[] = [];
  for (const name in members) {
    const value = members[name];
    names.push(name);
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      if (value.some((each) => typeof each === 'object')) return undefined;
      continue;
    }
    names.push('{');
    for (const inner in value) {
      if (typeof (value as Record<string, unknown>)[inner] === 'object') return undefined;
      names.push(inner);
    }
    names.push('}');
  }
  return names;
}

function areSame(names: readonly string[], others: readonly string[]): boolean {
  if (names.length !== others.length) return false;
  for (let i = 0; i < names.length; i++) if (names[i] !== others[i]) return false;
  return true;
}

const EXCEEDED = new Error('the allowance is exceeded');

const SPACE = /[ \t\n\r]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERALS = new Map<string, [text: string, value: unknown]>([
  ['t', ['true', true]],
  ['f', ['false', false]],
  ['n', ['null', null]],
]);

/** An object that has not ended, or where the elements of an array that has not ended start. */
type Open = OpenObject | number;

interface OpenObject {
  readonly object: Record<string, unknown>;
  /** The name of the property that comes next. */
  name: string;
  /** Up to which number its elements have room. */
  top: number;
}

/** A parser of JSON that pays for each value. It does not recurse; its objects are hash tables. */
class Parser {
  readonly #text: string;
  readonly #allowance: Allowance;
  readonly #open: Open[] = [];
  /** The elements of all arrays that have not ended: an array that grows takes more room than it needs. */
  readonly #elements: unknown[] = [];
  #at = 0;

  constructor(text: string, allowance: Allowance) {
    this.#text = text;
    this.#allowance = allowance;
  }

  /** Throws `EXCEEDED`, or `SyntaxError` for a text that is no JSON. */
  parse(): unknown {
    for (;;) {
      let value = this.#value();
      if (value === OPENED) continue;
      for (;;) {
        const open = this.#open.at(-1);
        const next = this.#skipSpace();
        if (open === undefined) {
          if (this.#at < this.#text.length) throw new SyntaxError();
          return value;
        }
        const isArray = typeof open === 'number';
        if (isArray) this.#addElement(value);
        else open.object[open.name] = value;
        this.#at++;
        if (next === ',') {
          if (!isArray) this.#name(open);
          break;
        }
        if (next !== (isArray ? ']' : '}')) throw new SyntaxError();
        value = this.#close();
      }
    }
  }

  /** Reads a value that is whole, or the start of one. */
  #value(): unknown {
    const start = this.#skipSpace() ?? '';
    if (start === '"') return this.#string();
    if (start === '[' || start === '{') return this.#start(start);
    const literal = LITERALS.get(start);
    if (literal !== undefined) {
      if (!this.#text.startsWith(literal[0], this.#at)) throw new SyntaxError();
      this.#at += literal[0].length;
      return literal[1];
    }
    return Number(this.#match(NUMBER));
  }

  #start(start: string): unknown {
    const isArray = start === '[';
    this.#pay(isArray ? ARRAY : OBJECT);
    this.#at++;
    if (this.#skipSpace() === (isArray ? ']' : '}')) {
      this.#at++;
      return isArray ? [] : {};
    }
    const object = Object.create(null) as Record<string, unknown>;
    const open = isArray ? this.#elements.length : { object, name: '', top: 0 };
    this.#open.push(open);
    if (typeof open !== 'number') this.#name(open);
    return OPENED;
  }

  #close(): unknown {
    const open = this.#open.pop() as Open;
    if (typeof open !== 'number') return Object.setPrototypeOf(open.object, Object.prototype);
    const array = this.#elements.slice(open);
    this.#elements.length = open;
    return array;
  }

  #addElement(value: unknown): void {
    this.#pay(ELEMENT);
    this.#elements.push(value);
  }

  /** Reads the name of the next property and the colon behind it. */
  #name(open: OpenObject): void {
    if (this.#skipSpace() !== '"') throw new SyntaxError();
    open.name = this.#string();
    const index = Number(open.name);
    const gap = index >= open.top && index < GAPS_MAX ? index - open.top + 1 : 0;
    open.top += gap;
    this.#pay(PROPERTY + 16 * gap);
    if (this.#skipSpace() !== ':') throw new SyntaxError();
    this.#at++;
  }

  #string(): string {
    const start = this.#at;
    PLAIN.lastIndex = start + 1;
    PLAIN.test(this.#text);
    const end = PLAIN.lastIndex;
    if (this.#text[end] === '"') {
      this.#pay(TEXT + 2 * (end - start));
      this.#at = end + 1;
      return this.#text.slice(start + 1, end);
    }
    const last = endOfQuoted(this.#text, start);
    if (last < 0) throw new SyntaxError();
    this.#pay(TEXT + 2 * (last + 1 - start));
    this.#at = last + 1;
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found === undefined) throw new SyntaxError();
    this.#at += found.length;
    return found;
  }

  /** The character behind white space; `undefined` at the end of the text. */
  #skipSpace(): string | undefined {
    if (this.#text.charCodeAt(this.#at) > 0x20) return this.#text[this.#at];
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
    return this.#text[this.#at];
  }

  #pay(bytes: number): void {
    if (!this.#allowance.take(bytes)) throw EXCEEDED;
  }
}

/** Stands for an array or object of which only the start was read. */
const OPENED = Symbol('opened');
