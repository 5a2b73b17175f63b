import { Fields } from '../../tracing/fields.ts';
import { type RedactOption, Redactor } from '../../tracing/redactor.ts';

/** Reads attributes as fields, without the secrets among them. */
export class AttributeReader {
  readonly #redactor: Redactor;

  /** Throws `OptionError`. */
  constructor(redact: RedactOption | undefined) {
    this.#redactor = new Redactor(redact);
  }

  read(attributes: object | undefined): Fields {
    const fields = Fields.of(attributes);
    this.#redactor.apply(fields);
    return fields;
  }
}
