import { isError } from '../errors.ts';
import { BoundedCache } from '../tracing/bounded-cache.ts';
import type { Fields } from '../tracing/fields.ts';
import { causesOf, stackOf } from '../tracing/value.ts';
import { debugQuoted, escapeControls, valueText } from './value-text.ts';

/** What stands before the value of a field. */
interface NameText {
  /** Where the field is the first one. */
  readonly first: string;
  /** Where another field is before it. */
  readonly next: string;
}

/** Spells fields, with a separator between them and a style for their names. */
export class FieldsText {
  readonly separator: string;
  readonly #name: (name: string, suffix: string) => string;
  readonly #stacks: boolean;
  readonly #nameTexts = new BoundedCache<NameText>();

  /** `name` spells what stands before a value; the suffix belongs to the name. With `stacks` errors have theirs. */
  constructor(separator: string, name: (name: string, suffix: string) => string, stacks = false) {
    this.separator = separator;
    this.#stacks = stacks;
    this.#name = name;
  }

  /** The fields as text. Of a field `message` only the value is there; the causes of an error follow it. */
  of({ names, values }: Fields): string {
    let text = '';
    for (let i = 0; i < names.length; i++) {
      const value = values[i];
      if (value === undefined) continue;
      const name = names[i] as string;
      if (name === 'message') {
        text +=
          (text === '' ? '' : this.separator) +
          (typeof value === 'string' ? escapeControls(value) : valueText(value));
        continue;
      }
      const nameText = this.#nameText(name);
      text += (text === '' ? nameText.first : nameText.next) + valueText(value);
      if (typeof value === 'object' && isError(value))
        text += this.#sources(name, value) + this.#stack(name, value);
    }
    return text;
  }

  #nameText(name: string): NameText {
    return (
      this.#nameTexts.get(name) ??
      this.#nameTexts.add(name, (own) => {
        const first = this.#name(escapeControls(own), '');
        return { first, next: this.separator + first };
      })
    );
  }

  #stack(name: string, error: Error): string {
    const stack = this.#stacks ? stackOf(error) : undefined;
    if (stack === undefined) return '';
    return `${this.separator}${this.#name(escapeControls(name), '.stack')}${debugQuoted(stack)}`;
  }

  #sources(name: string, error: Error): string {
    try {
      const causes = causesOf(error).map(escapeControls).join(', ');
      return causes === ''
        ? ''
        : `${this.separator}${this.#name(escapeControls(name), '.sources')}[${causes}]`;
    } catch {
      return '';
    }
  }
}
