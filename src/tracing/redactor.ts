import { OptionError } from '../errors.ts';
import { BoundedCache, nameCopy } from './bounded-cache.ts';
import type { Fields } from './fields.ts';
import { isHarmless } from './harmless.ts';
import { isAlternatingName, isItemName, isValueName, namesSecret } from './named-value.ts';
import { isSecretByWords } from './secret-name.ts';
import { redactedUrl } from './redacted-url.ts';
import { below, type Budget, CENSOR, type Paths, SafeCopies } from './safe-copy.ts';
import { cutName, isObject } from './value.ts';

/**
 * Which fields are secret: names and paths besides the default, `{ only: […] }` in its place, or `false` for none.
 * The default are names whose words say so: see https://github.com/kvp-tracing/kvp-tracing/blob/main/docs/reference/redaction.md
 */
export type RedactOption = readonly string[] | { readonly only: readonly string[] } | false;

/** How many harmless names are at hand, and how long they are at most. */
const AT_HAND = 64;
const AT_HAND_LENGTH = 32;
/** What is looked through in all values of one event or span. */
const EVENT_BUDGET: Budget = { objects: 40_000, members: 400_000 };

const ALLOWED =
  'a list of names (pin) and paths (user.pin, users.*.pin) besides the default, { only: […] } in its place, or false';

/**
 * Puts `[redacted]` in place of secrets before any layer sees them. What the caller gave is never changed: of
 * whatever holds a secret a copy is passed on. Texts are never searched.
 */
export class Redactor {
  readonly #words: boolean;
  readonly #names: ReadonlySet<string>;
  readonly #longestName: number;
  readonly #paths: Paths;
  readonly #known = new BoundedCache<boolean>();
  /** The first harmless names, each in a slot that its length and first character tell. */
  readonly #atHand: string[] = Array.from({ length: AT_HAND }, () => '');

  /** Throws `OptionError`. */
  constructor(option: RedactOption = []) {
    const { only, more } = readOption(option);
    this.#words = only === undefined;
    const lower = (only ?? more).map((path) => path.toLowerCase());
    // A name with dots may also be that of a field: `http.request.header.authorization`.
    this.#names = new Set(lower);
    this.#longestName = Math.max(0, ...lower.map(({ length }) => length));
    this.#paths = lower.filter((path) => path.includes('.')).map((path) => path.split('.'));
  }

  /**
   * Replaces secrets among the values of `fields` and shortens their names. `isKept` says that they stay when the
   * caller goes on and may change what it gave: then objects are copied in any case.
   */
  apply(fields: Fields, isKept = false): void {
    const { names, values } = fields;
    let copies: SafeCopies | undefined;
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      const value = values[i];
      if (this.isSecret(name) || (isValueName(name) && this.#namesSecret(fields))) {
        if (typeof value !== 'boolean') values[i] = CENSOR;
      } else if (isObject(value)) {
        const paths = below(this.#paths, name);
        const mayName = isAlternatingName(name) || isItemName(name);
        if (isKept || paths.length > 0 || mayName || !isHarmless(value, this)) {
          copies ??= new SafeCopies(this, { ...EVENT_BUDGET }, isKept);
          values[i] = copies.of(value, paths, name);
        }
      }
      if (name.length > 256) names[i] = cutName(name);
    }
  }

  #namesSecret({ names, values }: Fields): boolean {
    return namesSecret(
      names,
      (i) => values[i],
      (text) => this.isSecret(text),
    );
  }

  /** The same for a value without a name. */
  redacted(value: unknown): unknown {
    return isObject(value)
      ? new SafeCopies(this, { ...EVENT_BUDGET }).of(value, below(this.#paths, ''))
      : value;
  }

  /** A URL without its secrets. */
  redactedUrl(url: string): string {
    return redactedUrl(url, (name) => this.isSecret(name));
  }

  /** Whether a value of this name is secret, wherever it stands. */
  isSecret(name: string): boolean {
    // A program's own names come first and again and again: a look here costs half of one into the cache.
    const slot = (name.length * 7 + name.charCodeAt(0)) % AT_HAND;
    if (this.#atHand[slot] === name) return false;
    const isSecret = this.#known.get(name) ?? this.#known.add(name, (own) => this.#decide(own));
    if (!isSecret && this.#atHand[slot] === '' && name.length <= AT_HAND_LENGTH)
      this.#atHand[slot] = nameCopy(name);
    return isSecret;
  }

  #decide(name: string): boolean {
    if (this.#words && isSecretByWords(name)) return true;
    if (this.#names.size === 0) return false;
    if (name.length <= this.#longestName && this.#names.has(name.toLowerCase())) return true;
    // OpenTelemetry's names have dots: of `db.password` the last part counts as well.
    const dot = name.lastIndexOf('.');
    return (
      dot >= 0 &&
      name.length - dot - 1 <= this.#longestName &&
      this.#names.has(name.slice(dot + 1).toLowerCase())
    );
  }
}

/** Checks an option `redact`. Throws `OptionError`. */
export function redactOption(option: string, given: unknown): RedactOption {
  readOption(given as RedactOption, option);
  return given as RedactOption;
}

function readOption(
  given: RedactOption,
  option = 'redact',
): { only: readonly string[] | undefined; more: readonly string[] } {
  if (given === false) return { only: [], more: [] };
  if (Array.isArray(given)) return { only: undefined, more: checked(given as readonly string[], option) };
  const only = ownOnly(given);
  if (!Array.isArray(only)) throw new OptionError(option, given, ALLOWED);
  const unknown = Object.keys(given).find((key) => key !== 'only');
  if (unknown !== undefined) throw new OptionError(option, unknown, ALLOWED);
  return { only: checked(only as readonly string[], option), more: [] };
}

function ownOnly(given: unknown): unknown {
  const isOwn = typeof given === 'object' && given !== null && Object.hasOwn(given, 'only');
  return isOwn ? (given as { only?: unknown }).only : undefined;
}

function checked(paths: readonly string[], option: string): readonly string[] {
  for (const path of paths) {
    const isPath = typeof path === 'string' && path.split('.').every((part) => part !== '');
    if (!isPath) throw new OptionError(option, path, ALLOWED);
  }
  return paths;
}
