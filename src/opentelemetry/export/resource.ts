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
  const bad: string[] = [];
  for (const part of (env[LIST] ?? '').split(',')) {
    if (part.trim() === '') continue;
    const attribute = attributeOf(part);
    // Not its value, which may be secret.
    if (attribute === undefined || attribute.key in attributes) bad.push(part.trim().replace(/=[^]*/, '=…'));
    if (attribute !== undefined) attributes[attribute.key] = attribute.value;
  }
  if (bad.length > 0) {
    const more = bad.length > 1 ? ` (and ${bad.length - 1} more parts are wrong)` : '';
    onProblem(new OptionError(LIST, bad[0], `${ALLOWED}${more}; the other parts count`));
  }
  return attributes;
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
