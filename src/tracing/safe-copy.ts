import { types } from 'node:util';
import { LISTED_MAX, type ObjectReading, OverBudget, readObject } from './object-reading.ts';
import type { Member } from './object-shell.ts';
import { isAlternatingName, isItemName, isValueName, namesSecret } from './named-value.ts';
import { cutName, isObject } from './value.ts';

/** What stands for a value that is not for anybody's eyes. */
export const CENSOR = '[redacted]';
/** What stands for a value that could not be looked through. */
const UNREADABLE = '[unreadable]';
/** What lies deeper is replaced by `[Object]` or `[Array]`; of causes of errors 16 are written. */
const DEPTH_MAX = 20;

/** What may be looked through: objects, and members of all of them together. */
export interface Budget {
  objects: number;
  members: number;
}

/** For one value; of one that has more nothing is passed on. */
const VALUE_BUDGET: Readonly<Budget> = { objects: 10_000, members: 100_000 };

/** What is left of ways to secret values, each a list of names in lower case, where `*` is any one member. */
export type Paths = readonly (readonly string[])[];

/** Decides which names are secret. */
export interface Secrets {
  isSecret(name: string): boolean;
  redactedUrl(url: string): string;
}

/** An object that is looked through. */
interface Node {
  readonly value: object;
  readonly paths: Paths;
  readonly depth: number;
  /** Whether it is a list of names and values in turn. */
  readonly isAlternating: boolean;
  /** Whether it is an item of a list that was given as fields. */
  isListed: boolean;
  /** What holds it, and must be copied if it is. */
  readonly holders: Node[];
  reading: ObjectReading | undefined;
  /** Whether a copy is passed on in its place. */
  isCopied: boolean;
  /** What is passed on. */
  result: unknown;
}

/** Makes of values what layers may see: the same where nothing in it is secret, else a copy. */
export class SafeCopies {
  readonly #secrets: Secrets;
  readonly #left: Budget;
  /** Whether plain objects and collections are copied in any case, because they may change later. */
  readonly #isKept: boolean;

  /** `left` is for all values together. */
  constructor(secrets: Secrets, left: Budget, isKept = false) {
    this.#secrets = secrets;
    this.#left = left;
    this.#isKept = isKept;
  }

  /**
   * What is passed on in place of a value of this name. It is read once, so that a getter can't show something else later, without
   * recursion, and in time that is bounded whatever is in it.
   */
  of(value: object, paths: Paths, name = ''): unknown {
    const left = {
      objects: Math.min(VALUE_BUDGET.objects, this.#left.objects),
      members: Math.min(VALUE_BUDGET.members, this.#left.members),
    };
    const had = { ...left };
    try {
      const graph = new Graph(this.#secrets, left, this.#isKept);
      return graph.resultOf(value, paths, name);
    } catch {
      // More than anybody would read, or an object that can't be read at all.
      return UNREADABLE;
    } finally {
      this.#left.objects -= had.objects - left.objects;
      this.#left.members -= had.members - left.members;
    }
  }
}

/** A value and all that it holds. */
class Graph {
  readonly #secrets: Secrets;
  readonly #left: Budget;
  readonly #isKept: boolean;
  /** What is looked through, in the order in which it was found: this list grows while it is read. */
  readonly #nodes: Node[] = [];
  /** The same by object, for each state of the paths: the same object may stand on and off a path. */
  readonly #known = new Map<string, Map<object, Node>>();

  constructor(secrets: Secrets, left: Budget, isKept: boolean) {
    this.#secrets = secrets;
    this.#left = left;
    this.#isKept = isKept;
  }

  resultOf(value: object, paths: Paths, name: string): unknown {
    const root = this.#node(value, paths, 1, name);
    root.isListed = isItemName(name);
    let ranCode = false;
    for (const node of this.#nodes) {
      this.#look(node);
      ranCode ||= node.reading?.ranCode === true;
    }
    // The program's code, in a getter or a proxy, may have changed what was looked through before.
    const copied = new Set(this.#nodes.filter((node) => ranCode || node.isCopied));
    // What is added to a Set while it is read is read as well.
    for (const { holders } of copied) for (const holder of holders) copied.add(holder);
    for (const node of copied) {
      if (node.reading === undefined) continue;
      const copy = node.reading.shell();
      ORIGINALS.set(copy, node.value);
      node.result = copy;
    }
    for (const node of copied) if (node.reading !== undefined) this.#fill(node, node.reading);
    return root.result;
  }

  /** The node of an object on a path; what is known already is not looked through again. */
  #node(value: object, paths: Paths, depth: number, name: string): Node {
    const isAlternating = isAlternatingName(name) && isArray(value);
    const state = paths.length === 0 && !isAlternating ? '' : JSON.stringify([isAlternating, paths]);
    let known = this.#known.get(state);
    if (known === undefined) this.#known.set(state, (known = new Map()));
    let node = known.get(value);
    if (node === undefined) {
      if (this.#left.objects <= 0) throw new OverBudget('too many objects');
      this.#left.objects--;
      const isDeep = depth > DEPTH_MAX;
      const result = isDeep ? (isArray(value) ? '[Array]' : '[Object]') : value;
      node = {
        value,
        paths,
        depth,
        isAlternating,
        isListed: false,
        holders: [],
        reading: undefined,
        isCopied: isDeep,
        result,
      };
      known.set(value, node);
      if (!isDeep) this.#nodes.push(node);
    }
    return node;
  }

  /** Reads an object, and decides what of its members is passed on. */
  #look(node: Node): void {
    let reading: ObjectReading | string;
    try {
      reading = readObject(node.value, this.#left, this.#secrets);
    } catch (thrown) {
      if (thrown instanceof OverBudget) throw thrown;
      // A proxy whose traps throw.
      reading = UNREADABLE;
    }
    // Of a long list the texts are not among the members.
    if (node.isAlternating && (node.value as unknown[]).length > LISTED_MAX) reading = UNREADABLE;
    if (typeof reading === 'string') {
      node.result = reading;
      node.isCopied = true;
      return;
    }
    node.reading = reading;
    for (const member of this.#namedBeside(node, reading)) {
      if (typeof member.value === 'boolean') continue;
      member.value = CENSOR;
      node.isCopied = true;
    }
    if (reading.mustCopy || (this.#isKept && reading.isChangeable)) node.isCopied = true;
    for (const member of reading.members) {
      if (isObject(member.key)) member.key = this.#inside(member.key, node, below(node.paths, ''), '');
      const { value, name, kind } = member;
      if (this.#isSecret(member, node.paths)) {
        if (typeof value === 'boolean') continue;
        member.value = CENSOR;
        node.isCopied = true;
      } else if (isObject(value)) {
        member.value = this.#inside(value, node, below(node.paths, name), name);
      }
      if (kind === 'property' && name.length > 256 && typeof member.key === 'string') {
        member.key = cutName(name);
        node.isCopied ||= member.key !== name;
      }
    }
  }

  /**
   * The members whose secret names stand beside them: in a list of pairs, as entries of headers and objects are, in a
   * list of names and values in turn, or in a member `name` or `key` of an object with a `value`.
   */
  #namedBeside({ value, holders, isListed, isAlternating }: Node, { members }: ObjectReading): Member[] {
    const isSecret = (name: unknown): boolean => typeof name === 'string' && this.#secrets.isSecret(name);
    if (isArray(value)) {
      const items = members.filter(({ kind }) => kind === 'item');
      const isPair = items.length === 2 && (isListed || holders.some(({ value: holder }) => isList(holder)));
      if (!isPair && !isAlternating) return [];
      return items.filter(({ key }, i) => Number(key) % 2 === 1 && isSecret(items[i - 1]?.value));
    }
    const values = members.filter(({ name }) => isValueName(name));
    if (values.length === 0) return [];
    const names = members.map(({ name }) => name);
    return namesSecret(names, (i) => members[i]?.value, isSecret) ? values : [];
  }

  #isSecret({ name, kind }: Member, paths: Paths): boolean {
    if (kind !== 'item' && this.#secrets.isSecret(name)) return true;
    if (paths.length === 0) return false;
    const lower = name.toLowerCase();
    return paths.some((path) => path.length === 1 && (path[0] === '*' || path[0] === lower));
  }

  #inside(value: object, holder: Node, paths: Paths, name: string): Node {
    const node = this.#node(value, paths, holder.depth + 1, name);
    node.holders.push(holder);
    if (node.isCopied) holder.isCopied = true;
    return node;
  }

  #fill(node: Node, { members, shadows, add, finish }: ObjectReading): void {
    const copy = node.result as object;
    for (const member of members) {
      const value = resultOf(member.value);
      // What is inherited and the same the copy inherits, too, unless it must not inherit from there.
      const isSame = member.kind === 'inherited' && value === member.given;
      if (isSame && Reflect.has(copy, member.key as PropertyKey)) continue;
      add(copy, member, resultOf(member.key), value);
    }
    for (const key of shadows) {
      Object.defineProperty(copy, key, { value: undefined, configurable: true, writable: true });
    }
    finish?.(copy);
  }
}

/** What is passed on in place of a member's value: objects have become nodes. */
function resultOf(value: unknown): unknown {
  return isObject(value) ? (value as Node).result : value;
}

/** What is left of the paths behind a member of this name. */
export function below(paths: Paths, name: string): Paths {
  if (paths.length === 0) return paths;
  const lower = name.toLowerCase();
  return paths
    .filter(([first, ...rest]) => rest.length > 0 && (first === '*' || first === lower))
    .map((path) => path.slice(1));
}

/** A proxy is none: one that was revoked throws when it is asked. */
function isArray(value: unknown): boolean {
  return !types.isProxy(value) && Array.isArray(value);
}

function isList(value: unknown): boolean {
  return isArray(value) || types.isSet(value) || types.isMap(value);
}

const ORIGINALS = new WeakMap<object, object>();

/** What a value was before secrets in it were replaced: the same thing, told twice, is known by it. */
export function unredacted<T extends object>(value: T): T {
  return (ORIGINALS.get(value) as T | undefined) ?? value;
}
