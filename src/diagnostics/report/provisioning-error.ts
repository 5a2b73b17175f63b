import { isError, nameErrors, ReportError } from '../../errors.ts';
import { type Checks, anyOption, objectOption, readOptions } from '../../option.ts';
import { Fields } from '../../tracing/fields.ts';
import { Redactor } from '../../tracing/redactor.ts';
import { unredacted } from '../../tracing/safe-copy.ts';
import { causesOf, errorMessage, isObject, textOf } from '../../tracing/value.ts';
import { isReportField, parseReport, type ReportExtras, spellReport } from './report.ts';

export interface ProvisioningErrorOptions {
  /** Further details by name; values become texts, `undefined` is left out. Default: none. */
  supportingData?: ReportExtras | undefined;
  /** The URL of a page that says what to do about the failure. Default: none. */
  documentationUrl?: string | undefined;
  /** The error that led to this one. */
  cause?: unknown;
}

/** A URL may also be given as an object: what is given becomes a text. */
const OPTIONS: Checks<ProvisioningErrorOptions> = {
  supportingData: objectOption,
  documentationUrl: anyOption,
  cause: anyOption,
};

let redactor: Redactor | undefined;
/** The supporting data of errors as it was given. */
const GIVEN = new WeakMap<ProvisioningError, Fields>();

/**
 * Why provisioning failed. `reportFailure` reports it to the host as azure-init and cloud-init do.
 *
 * @example
 * ```ts
 * throw new ProvisioningError('no metadata from IMDS', { supportingData: { attempts: 3 } });
 * ```
 */
export class ProvisioningError extends Error {
  static {
    nameErrors(this, 'ProvisioningError');
  }
  readonly reason: string;
  /**
   * Texts by name, in the order given; has no prototype. `agent`, `pps_type` and `vm_id` set the fields of these
   * names in a report.
   */
  readonly supportingData: Readonly<Record<string, string>>;
  declare readonly documentationUrl?: string;

  constructor(reason: string, options?: ProvisioningErrorOptions) {
    const { supportingData = {}, documentationUrl, cause } = readOptions(OPTIONS, options);
    super(textOf(reason), cause === undefined ? undefined : { cause });
    this.reason = this.message;
    const given = Fields.all(supportingData);
    GIVEN.set(this, given);
    const data = Object.create(null) as Record<string, string>;
    given.names.forEach((name, index) => {
      const value = given.values[index];
      // Once an object is a text, secrets in it can't be found. A secret itself is redacted when it is reported.
      if (value !== undefined) data[name] = textOf(isObject(value) ? withoutSecrets(value) : value);
    });
    this.supportingData = data;
    if (documentationUrl !== undefined) this.documentationUrl = textOf(documentationUrl);
  }

  /**
   * The error in a failure report of this package, azure-init or cloud-init. `parseReport` also gives the agent, the
   * time and the VM. Throws `ReportError` for any other text.
   */
  static parse(text: string): ProvisioningError {
    const report = parseReport(text);
    const { result, reason, documentation_url } = report;
    if (result !== 'error' || reason === undefined) {
      const message = 'a failure report must have result=error and a reason';
      throw new ReportError('ERR_KVP_MALFORMED_REPORT', message);
    }
    const data = Object.entries(report).filter(([name]) => !isReportField(name));
    return new ProvisioningError(reason, {
      supportingData: Object.fromEntries(data),
      ...(documentation_url === undefined ? undefined : { documentationUrl: documentation_url }),
    });
  }

  /**
   * A report of any length, `result=error|reason=…|…`, quoted as azure-init does. Supporting data with a name that
   * no report can hold is left out.
   */
  toReport(): string {
    return spellReport(
      { result: 'error', reason: this.reason, documentation_url: this.documentationUrl },
      Fields.all(this.supportingData),
    );
  }
}

function withoutSecrets(value: object): unknown {
  redactor ??= new Redactor();
  return redactor.redacted(value);
}

/** The supporting data of an error as it was given, so that secrets in objects can be found. */
export function supportingFields(error: ProvisioningError): Fields {
  const fields = Fields.all(undefined);
  fields.merge(GIVEN.get(unredacted(error)) ?? Fields.all(error.supportingData));
  return fields;
}

/** The first `ProvisioningError` among what was thrown and its causes; if there is none, one made of their messages. */
export function provisioningErrorOf(thrown: unknown): ProvisioningError {
  try {
    const seen = new Set<unknown>();
    for (let error = thrown; isError(error) && !seen.has(error); error = error.cause) {
      if (error instanceof ProvisioningError) return error;
      seen.add(error);
    }
    const causes = isError(thrown) ? causesOf(thrown) : [];
    return new ProvisioningError([errorMessage(thrown), ...causes].join(': '));
  } catch {
    // A getter of the error threw.
    return new ProvisioningError(errorMessage(thrown));
  }
}
