import { OptionError } from '../../errors.ts';
import type { ProblemHandler } from '../../tracing/problem-handler.ts';

/** The program and machine that spans come from. */
export interface Service {
  /** `service.name`. Default: the SDK's `unknown_service:…`. */
  service?: string | undefined;
  /** `service.version`. Default: none. */
  version?: string | undefined;
  /** `host.id`, the id of this VM. Default: none. */
  vmId?: string | undefined;
}

/**
 * The attributes of the resource. `OTEL_SERVICE_NAME`, then `OTEL_RESOURCE_ATTRIBUTES`, take precedence over `given`.
 * Calls `onProblem` if a part of the list is ignored.
 */
export function resourceAttributes(
  given: Service,
  env: NodeJS.ProcessEnv,
  onProblem: ProblemHandler,
): Record<string, string> {
  // The default, because programs that report to Azure's host run on Azure.
  const attributes: Record<string, string> = { 'cloud.provider': 'azure', 'cloud.platform': 'azure.vm' };
  if (given.service !== undefined) attributes['service.name'] = given.service;
  if (given.version !== undefined) attributes['service.version'] = given.version;
  if (given.vmId !== undefined) attributes['host.id'] = given.vmId;
  Object.assign(attributes, listedAttributes(env, onProblem));
  const name = env['OTEL_SERVICE_NAME']?.trim();
  if (name) attributes['service.name'] = name;
  return attributes;
}

const LIST = 'OTEL_RESOURCE_ATTRIBUTES';
const ALLOWED = 'a list of key=value, percent-encoded, with each key once';

/** The attributes of the list. Of a key that is given twice the last value counts. */
function listedAttributes(env: NodeJS.ProcessEnv, onProblem: ProblemHandler): Record<string, string> {
  const attributes = Object.create(null) as Record<string, string>;
  const bad: { part: string; place: number }[] = [];
  for (const [index, part] of (env[LIST] ?? '').split(',').entries()) {
    if (part.trim() === '') continue;
    const attribute = attributeOf(part);
    if (attribute === undefined || attribute.key in attributes) bad.push({ part, place: index + 1 });
    if (attribute !== undefined) attributes[attribute.key] = attribute.value;
  }
  const [first] = bad;
  if (first !== undefined) {
    const wrong =
      bad.length > 1 ? `part ${first.place} and ${bad.length - 1} more are` : `part ${first.place} is`;
    onProblem(new OptionError(LIST, shownOf(first.part), `${ALLOWED} (${wrong} wrong, the others count)`));
  }
  return attributes;
}

/** A part without its value, which may be secret; all of one that may be a piece of a value that has a comma. */
function shownOf(part: string): string {
  const [key = '', ...values] = part.trim().split('=');
  return values.length === 1 ? `${key}=…` : '…';
}

/** A percent-encoded `key=value`. */
function attributeOf(part: string): { key: string; value: string } | undefined {
  const [key = '', value, more] = part.split('=');
  if (value === undefined || more !== undefined) return undefined;
  try {
    const attribute = { key: decodeURIComponent(key.trim()), value: decodeURIComponent(value.trim()) };
    return attribute.key.trim() === '' ? undefined : attribute;
  } catch {
    return undefined;
  }
}
