import { createRequire } from 'node:module';
import { type Sdk, sdkOf } from './sdk.ts';
import { runsSdk3 } from './install-command.ts';

type Transformer = typeof import('@opentelemetry/otlp-transformer');
type Core = typeof import('@opentelemetry/core');
type SdkPackage = Parameters<typeof sdkOf>[0];

/**
 * Loaders of the optional packages. Each requires the package, as the program's copy of ours does the API: SDK 3 has
 * another copy of itself and of the API for `import`, which would take as long to load again. Where that finds none, as
 * in a bundle, each imports it by a literal name inside `try`: so bundlers see it, and let it be missing.
 */
export const PEERS = {
  /** The newest SDK that is installed and runs on this Node.js; rejects if there is none. */
  sdk: async (): Promise<Sdk> => {
    const [first, second] = runsSdk3() ? [sdkTrace, sdkTraceBase] : [sdkTraceBase, sdkTrace];
    return (await first()) ?? (await second()) ?? Promise.reject(missing('@opentelemetry/sdk-trace'));
  },
  core: async () => {
    try {
      return (required('@opentelemetry/core') as Core | undefined) ?? (await import('@opentelemetry/core'));
    } catch (error) {
      return unlessMissing(error);
    }
  },
  /** Resolves to a loader, because the package is slow to load; rejects if it is not installed. */
  transformer: async (): Promise<() => Promise<Transformer>> => {
    const load = async (): Promise<Transformer> => {
      try {
        return (
          (required('@opentelemetry/otlp-transformer') as Transformer | undefined) ??
          (await import('@opentelemetry/otlp-transformer'))
        );
      } catch (error) {
        unlessMissing(error);
        throw missing('@opentelemetry/otlp-transformer');
      }
    };
    if (!isInstalled('@opentelemetry/otlp-transformer')) await load();
    return load;
  },
};

export type Peers = typeof PEERS;

async function sdkTrace(): Promise<Sdk | undefined> {
  try {
    const loaded = required('@opentelemetry/sdk-trace') as SdkPackage | undefined;
    return sdkOf(loaded ?? (await import('@opentelemetry/sdk-trace')));
  } catch (error) {
    return unlessMissing(error);
  }
}

async function sdkTraceBase(): Promise<Sdk | undefined> {
  try {
    const loaded = required('@opentelemetry/sdk-trace-base') as SdkPackage | undefined;
    return sdkOf(loaded ?? (await import('@opentelemetry/sdk-trace-base')));
  } catch (error) {
    return unlessMissing(error);
  }
}

/** The package as CommonJS; `undefined` if that fails: then the import says why. */
export function required(name: string): unknown {
  try {
    return createRequire(import.meta.url)(name);
  } catch {
    return undefined;
  }
}

function missing(name: string): Error {
  return Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' });
}

/** Whether a package can be resolved, without loading it. Always `false` in a bundle. */
function isInstalled(name: string): boolean {
  try {
    return createRequire(import.meta.url).resolve(name) !== '';
  } catch {
    return false;
  }
}

/** Returns `undefined` if a package could not be loaded because it is not installed; rethrows any other error. */
export function unlessMissing(error: unknown): undefined {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return;
  // ncc leaves `eval('require')` in a bundle of ES modules for a package that it did not find.
  if (message !== 'require is not defined') throw error;
}
