/** What OpenTelemetry's conventions put in place of secrets in URLs. */
const CENSOR = 'REDACTED';
/** Parameters whose values OpenTelemetry's conventions name as secret. */
const SIGNATURES: ReadonlySet<string> = new Set(['awsaccesskeyid', 'signature', 'sig', 'x-goog-signature']);

/**
 * A URL without credentials and without the values of secret parameters, in its query and behind its `#`; otherwise as
 * it is. `isSecret` decides about names besides those that OpenTelemetry's conventions name.
 */
export function redactedUrl(url: string, isSecret: (name: string) => boolean): string {
  const [, start = '', credentials = '', rest = ''] = /^([^/?#]*\/\/)([^/?#]*@)?([^]*)$/.exec(url) ?? [
    '',
    '',
    '',
    url,
  ];
  const censored = credentials.includes(':') ? `${CENSOR}:${CENSOR}@` : credentials && `${CENSOR}@`;
  const [path = '', ...parts] = rest.split(/([?#])/);
  const parameters = parts.map((part) =>
    part
      .split('&')
      .map((parameter) => redactedParameter(parameter, isSecret))
      .join('&'),
  );
  return `${start}${censored}${path}${parameters.join('')}`;
}

function redactedParameter(parameter: string, isSecret: (name: string) => boolean): string {
  const end = parameter.indexOf('=');
  if (end === -1) return parameter;
  const name = parameter.slice(0, end);
  const plain = decoded(name);
  return SIGNATURES.has(plain.toLowerCase()) || isSecret(plain) ? `${name}=${CENSOR}` : parameter;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
