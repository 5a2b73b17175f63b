import { createRequire } from 'node:module';

/** Loaders of the optional packages. The specifiers are literal, so that bundlers see them. */
export const PEERS = {
  sdk: () => import('@opentelemetry/sdk-trace-base'),
  core: () => import('@opentelemetry/core'),
  /** Resolves to a loader, because the package is slow to load; rejects if it is not installed. */
  transformer: async () => {
    const load = () => import('@opentelemetry/otlp-transformer');
    if (!isInstalled('@opentelemetry/otlp-transformer')) await load();
    return load;
  },
};

export type Peers = typeof PEERS;

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
  const { code } = error as { code?: unknown };
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
}
