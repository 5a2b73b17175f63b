/** What OpenTelemetry's conventions put in place of secrets in URLs. */
const CENSOR = 'REDACTED';
/** Parameters whose values OpenTelemetry's conventions name as secret. */
const SIGNATURES: ReadonlySet<string> = new Set(['awsaccesskeyid', 'signature', 'sig', 'x-goog-signature']);

/** The start of a URL with credentials. */
const CREDENTIALS = /^([^/?#]*\/\/)([^/?#]*@)/;

/**
 * A URL without credentials and without the values of secret parameters, in its query and behind its `#`; otherwise as
 * it is. `isSecret` decides about names besides those that OpenTelemetry's conventions name.
 */
export function redactedUrl(url: string, isSecret: (name: string) => boolean): string {
  // Most have neither: each request of a client comes here.
  const anonymous = url.includes('@') ? url.replace(CREDENTIALS, withoutCredentials) : url;
  return anonymous.includes('=') ? withoutSecrets(anonymous, isSecret) : anonymous;
}

function withoutCredentials(_: string, start: string, credentials: string): string {
  return start + (credentials.includes(':') ? `${CENSOR}:${CENSOR}@` : `${CENSOR}@`);
}

function withoutSecrets(url: string, isSecret: (name: string) => boolean): string {
  let result = '';
  let copied = 0;
  for (let at = url.search(/[?#]/); at >= 0 && at < url.length;) {
    const end = endOfParameter(url, at + 1);
    const equals = url.indexOf('=', at + 1);
    if (equals >= 0 && equals < end && isSecretParameter(url.slice(at + 1, equals), isSecret)) {
      result += `${url.slice(copied, equals + 1)}${CENSOR}`;
      copied = end;
    }
    at = equals < 0 ? -1 : end;
  }
  return result + url.slice(copied);
}

/** Where the next `?`, `&` or `#` is, or the end. */
function endOfParameter(url: string, from: number): number {
  for (let at = from; at < url.length; at++) {
    const unit = url.charCodeAt(at);
    if (unit === 0x26 || unit === 0x3f || unit === 0x23) return at;
  }
  return url.length;
}

function isSecretParameter(name: string, isSecret: (name: string) => boolean): boolean {
  const plain = /[%+]/.test(name) ? decoded(name) : name;
  return SIGNATURES.has(plain.toLowerCase()) || isSecret(plain);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
