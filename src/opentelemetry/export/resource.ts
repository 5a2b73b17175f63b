/** The program and machine that spans come from. */
export interface Service {
  /** `service.name`. Default: the SDK's `unknown_service:…`. */
  service?: string | undefined;
  /** `service.version`. Default: none. */
  version?: string | undefined;
  /** `host.id`, the id of this VM. Default: none. */
  vmId?: string | undefined;
}

/** The attributes of the resource. `OTEL_SERVICE_NAME`, then `OTEL_RESOURCE_ATTRIBUTES`, take precedence over `given`. */
export function resourceAttributes(given: Service, env: NodeJS.ProcessEnv): Record<string, string> {
  // The default, because programs that report to Azure's host run on Azure.
  const attributes: Record<string, string> = { 'cloud.provider': 'azure', 'cloud.platform': 'azure.vm' };
  if (given.service !== undefined) attributes['service.name'] = given.service;
  if (given.version !== undefined) attributes['service.version'] = given.version;
  if (given.vmId !== undefined) attributes['host.id'] = given.vmId;
  Object.assign(attributes, parse(env['OTEL_RESOURCE_ATTRIBUTES'] ?? ''));
  const name = env['OTEL_SERVICE_NAME']?.trim();
  if (name) attributes['service.name'] = name;
  return attributes;
}

/** Parses percent-encoded `key=value,…`. As OpenTelemetry specifies, one malformed part makes the whole list void. */
function parse(list: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const part of list.split(',')) {
    if (part.trim() === '') continue;
    const [key, value, more] = part.split('=');
    if (!key?.trim() || value === undefined || more !== undefined) return {};
    try {
      attributes[decodeURIComponent(key.trim())] = decodeURIComponent(value.trim());
    } catch {
      return {};
    }
  }
  return attributes;
}
