import { BoundedCache } from '../../tracing/bounded-cache.ts';
import { Fields } from '../../tracing/fields.ts';
import { CENSOR, Redactor } from '../../tracing/redactor.ts';

/** Reads attributes as fields and redacts secrets. */
export class AttributeReader {
  readonly #redactor: Redactor;
  /** By name, whether it is that of a secret. */
  readonly #secret = new BoundedCache<boolean>();

  /** Throws `OptionError`. */
  constructor(redact: readonly string[]) {
    this.#redactor = new Redactor(redact);
  }

  /** Of a dotted name the last part counts too, as in `http.request.header.authorization`. */
  read(attributes: object | undefined): Fields {
    const fields = Fields.of(attributes);
    const { names, values } = fields;
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      const value = values[i];
      if (this.#isSecretName(name)) values[i] = CENSOR;
      else if (typeof value === 'object' && value !== null) values[i] = this.#applied(name, value);
    }
    return fields;
  }

  #isSecretName(name: string): boolean {
    return this.#secret.get(name) ?? this.#secret.add(name, (own) => this.#isSecret(own));
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
