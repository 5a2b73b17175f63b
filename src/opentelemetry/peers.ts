import { createRequire } from 'node:module';

/** Loads the optional packages; literal specifiers, so that bundlers see them. */
export const PEERS = {
  sdk: () => import('@opentelemetry/sdk-trace-base'),
  core: () => import('@opentelemetry/core'),
  /** Slow to load: where it is installed nobody has to wait for that before there are spans to send. */
  transformer: async () => {
    const load = () => import('@opentelemetry/otlp-transformer');
    if (!isInstalled('@opentelemetry/otlp-transformer')) await load();
    return load;
  },
};

export type Peers = typeof PEERS;

/** Whether a package is found without loading it; in a bundle none is. */
function isInstalled(name: string): boolean {
  try {
    return createRequire(import.meta.url).resolve(name) !== '';
  } catch {
    return false;
  }
}

/** Swallows that a package is not installed; any other failure to load it goes on. */
export function unlessMissing(error: unknown): undefined {
  const { code } = error as { code?: unknown };
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
}
