import { ReportError } from '../../errors.ts';
import { Fields } from '../../tracing/fields.ts';
import { causesOf, errorMessage, isError } from '../../tracing/value.ts';
import { parseReport, REPORT_FIELDS, type ReportExtras, spellReport, textOf } from './report.ts';

export interface ProvisioningErrorOptions {
  /** What else there is to know, by name; values become text, `undefined` is left out. */
  supportingData?: ReportExtras;
  /** Where somebody can read what to do about it. */
  documentationUrl?: string;
  cause?: unknown;
}

/** Why provisioning failed, as `reportFailure` tells the host and azure-init and cloud-init spell it. */
export class ProvisioningError extends Error {
  static {
    this.prototype.name = 'ProvisioningError';
  }
  readonly reason: string;
  /**
   * Texts by name, in order; has no prototype. What is named `agent`, `pps_type` or `vm_id` sets those fields of a
   * report.
   */
  readonly supportingData: Readonly<Record<string, string>>;
  declare readonly documentationUrl?: string;

  constructor(
    reason: string,
    { supportingData = {}, documentationUrl, cause }: ProvisioningErrorOptions = {},
  ) {
    super(textOf(reason), cause === undefined ? undefined : { cause });
    this.reason = this.message;
    const { names, values } = Fields.of(supportingData);
    const data = Object.create(null) as Record<string, string>;
    names.forEach((name, index) => {
      if (values[index] !== undefined) data[name] = textOf(values[index]);
    });
    this.supportingData = data;
    if (documentationUrl !== undefined) this.documentationUrl = textOf(documentationUrl);
  }

  /**
   * The error that a failure report tells of, whether this package wrote it, azure-init or cloud-init; who reported
   * it, when and on which VM stays with `parseReport`. Throws `ReportError` for anything else.
   */
  static parse(text: string): ProvisioningError {
    const report = parseReport(text);
    const { result, reason, documentation_url } = report;
    if (result !== 'error' || reason === undefined) {
      const message = 'a failure report must have result=error and a reason';
      throw new ReportError('ERR_KVP_MALFORMED_REPORT', message);
    }
    const data = Object.entries(report).filter(([name]) => !REPORT_FIELDS.has(name));
    return new ProvisioningError(reason, {
      supportingData: Object.fromEntries(data),
      ...(documentation_url === undefined ? undefined : { documentationUrl: documentation_url }),
    });
  }

  /**
   * As a report of any length, `result=error|reason=…|…`, in azure-init's spelling; supporting data whose names can't
   * stand in one is left out.
   */
  toReport(): string {
    return spellReport(
      { result: 'error', reason: this.reason, documentation_url: this.documentationUrl },
      Fields.of(this.supportingData),
    );
  }
}

/** What was thrown as a `ProvisioningError`: the one among it and its causes, or one with their messages. */
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
    // A getter of somebody's error threw.
    return new ProvisioningError(errorMessage(thrown));
  }
}
