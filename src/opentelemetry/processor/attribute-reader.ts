import { Fields } from '../../tracing/fields.ts';
import { keep } from '../../tracing/metadata.ts';
import { CENSOR, Redactor } from '../../tracing/redactor.ts';

/** Reads attributes as fields, without the secrets among them. */
export class AttributeReader {
  readonly #redactor: Redactor;
  /** Of names: whether they are a secret's. */
  readonly #secret = new Map<string, boolean>();

  /** Throws `OptionError`. */
  constructor(redact: readonly string[]) {
    this.#redactor = new Redactor(redact);
  }

  /** OpenTelemetry's names have dots: of `http.request.header.authorization` the last part counts as well. */
  read(attributes: object | undefined): Fields {
    const fields = Fields.of(attributes);
    const { names, values } = fields;
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      const value = values[i];
      if (this.#secret.get(name) ?? keep(this.#secret, name, this.#isSecret(name))) values[i] = CENSOR;
      else if (typeof value === 'object' && value !== null) values[i] = this.#applied(name, value);
    }
    return fields;
  }

  #isSecret(name: string): boolean {
    const last = name.slice(name.lastIndexOf('.') + 1);
    return this.#applied(name, '') === CENSOR || this.#applied(last, '') === CENSOR;
  }

  #applied(name: string, value: unknown): unknown {
    const fields = new Fields([name], [value]);
    this.#redactor.apply(fields);
    return fields.values[0];
  }
}
