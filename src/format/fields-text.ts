import type { Fields } from '../tracing/fields.ts';
import { causesOf, isError } from '../tracing/value.ts';
import { escapeControls, valueText } from './value-text.ts';

/** Names that are kept; a program that makes them up as it goes pays for them each time. */
const KEPT_MAX = 1024;
const KEPT_LENGTH = 128;

interface Opening {
  readonly first: string;
  readonly next: string;
}

/** How fields are put: what stands between them and around their names. */
export class FieldsText {
  readonly separator: string;
  readonly #name: (name: string, suffix: string) => string;
  readonly #openings = new Map<string, Opening>();

  /** `name` makes what stands before a value; the suffix belongs to the name. */
  constructor(separator: string, name: (name: string, suffix: string) => string) {
    this.separator = separator;
    this.#name = name;
  }

  /** The fields; one called `message` is only its value, an error has its causes behind it. */
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
      const opening = this.#opening(name);
      text += (text === '' ? opening.first : opening.next) + valueText(value);
      if (typeof value === 'object' && isError(value)) text += this.#sources(name, value);
    }
    return text;
  }

  #opening(name: string): Opening {
    let opening = this.#openings.get(name);
    if (opening === undefined) {
      const first = this.#name(escapeControls(name), '');
      opening = { first, next: this.separator + first };
      if (this.#openings.size < KEPT_MAX && name.length <= KEPT_LENGTH) this.#openings.set(name, opening);
    }
    return opening;
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
