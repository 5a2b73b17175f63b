import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const SDK_2 = ['@opentelemetry/sdk-trace@2', '@opentelemetry/otlp-transformer@0.223'] as const;
const SDK_3 = ['@opentelemetry/sdk-trace@3', '@opentelemetry/otlp-transformer@0.301'] as const;

/** SDK 3 needs Node.js 22.15. */
export function runsSdk3(node = process.versions.node): boolean {
  return isAtLeast(node, 22, 15);
}

/** What is installed: an SDK, what serializes its spans, or both. */
export type Wanted = 'sdk' | 'serializer' | 'both';

/**
 * The command that installs what exporting needs, for this Node.js and beside this version of OpenTelemetry's API: SDK
 * 2 takes it up to 1.9, SDK 3 from 1.10 on.
 */
export function installCommand(
  wanted: Wanted,
  node: string = process.versions.node,
  api: string | undefined = apiVersion(),
): string {
  const isOldApi = api !== undefined && !isAtLeast(api, 1, 10);
  const isNew = !isOldApi && runsSdk3(node);
  const [sdk, serializer] = isNew ? SDK_3 : SDK_2;
  const packages: string[] = { sdk: [sdk], serializer: [serializer], both: [sdk, serializer] }[wanted];
  // Else npm would refuse SDK 2.
  if (!isNew && !isOldApi) packages.unshift('@opentelemetry/api@1.9');
  return `npm install ${packages.join(' ')}`;
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** The version of the API that is installed beside this package; `undefined` if it can't be told, as in a bundle. */
function apiVersion(): string | undefined {
  try {
    let folder = dirname(createRequire(import.meta.url).resolve('@opentelemetry/api'));
    for (; folder !== dirname(folder); folder = dirname(folder)) {
      const { name, version } = packageIn(folder);
      if (name === '@opentelemetry/api') return version;
    }
  } catch {
    // It is not installed.
  }
  return undefined;
}

function packageIn(folder: string): { name?: string; version?: string } {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string };
  } catch {
    return {};
  }
}
