import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as ownApi from '@opentelemetry/api';
import { LayerError, messageOf } from '../../errors.ts';
import { type Filter, type FilterInput, filterOf } from '../../tracing/filter.ts';
import { guardedHandler } from '../../tracing/problem-handler.ts';
import { printLine } from '../../tracing/print-line.ts';
import { ensureContextManager } from '../layer/context-manager.ts';
import { unlessMissing } from '../peers.ts';
import { processors } from '../layer/mirrored.ts';
import { resourceAttributes } from '../export/resource.ts';
import { settingOf } from '../setting.ts';
import { KvpSpanProcessor, type KvpSpanProcessorOptions } from './kvp-span-processor.ts';
import { registeredGlobals } from '../registered-globals.ts';
import { delegateUntilRegistered, type Proxy } from './delegate-until-registered.ts';

type Api = Pick<typeof ownApi, 'context' | 'trace'>;

/** The constructor of a provider, in SDK 2 and SDK 3. */
type Provider = new (options: { spanProcessors: KvpSpanProcessor[] }) => ownApi.TracerProvider;

/**
 * Makes the SDK that the program has installed write the program's spans to the pool `KVP_TRACING_POOL`, until the
 * program registers a provider of its own. Throws if it can't.
 */
export function register(env: NodeJS.ProcessEnv): void {
  if (settingOf(env, 'OTEL_SDK_DISABLED') === 'true') return;
  // The program's copy of the API comes first: once a version has registered something, no other may.
  const apis = [installed<Api>('@opentelemetry/api') ?? ownApi, ownApi];
  const isNesting = ensureContextManager(apis[0]?.context) !== undefined;
  const sdk = installedSdk();
  if (registeredGlobals().trace !== undefined) return advise(0);
  if (sdk === undefined) {
    const packages = '@opentelemetry/sdk-trace-base@2 or @opentelemetry/sdk-trace@3';
    throw new LayerError(`no OpenTelemetry SDK is installed: npm install ${packages}`);
  }
  const processor = new KvpSpanProcessor(optionsFrom(env));
  if (!isNesting) printLine('no context manager can be registered with OpenTelemetry; spans will not nest');
  // A package may be loaded twice, by `import` and by `require`.
  const proxies = new Set(apis.map(({ trace }) => trace.getTracerProvider() as Proxy));
  delegateUntilRegistered(proxies, new sdk({ spanProcessors: [processor] }), () => advise(1));
}

/** Prints what a program that registers an SDK of its own must add, unless more than `own` processors are open. */
function advise(own: number): void {
  if (processors.open > own) return;
  printLine(
    "the program registers an OpenTelemetry SDK of its own, whose spans do not reach the pool: add KvpSpanProcessor of 'kvp-tracing/opentelemetry' to its span processors",
  );
}

function installedSdk(): Provider | undefined {
  const base = installed<{ BasicTracerProvider: Provider }>('@opentelemetry/sdk-trace-base');
  return (
    base?.BasicTracerProvider ??
    installed<{ TracerProvider: Provider }>('@opentelemetry/sdk-trace')?.TracerProvider
  );
}

/** Loads a package as the program would; `undefined` if it is not installed. */
function installed<T>(name: string): T | undefined {
  for (const file of [programFile(), join(process.cwd(), 'program'), import.meta.url]) {
    try {
      if (file !== undefined) return createRequire(file)(name) as T;
    } catch (error) {
      unlessMissing(error);
    }
  }
  return undefined;
}

/** The program's main file, with links resolved. */
function programFile(): string | undefined {
  try {
    return process.argv[1] === undefined ? undefined : realpathSync(process.argv[1]);
  } catch {
    return undefined;
  }
}

function optionsFrom(env: NodeJS.ProcessEnv): KvpSpanProcessorOptions {
  const { 'service.name': service, 'service.version': version = '0' } = resourceAttributes(
    {},
    env,
    guardedHandler(),
  );
  const path = env['KVP_TRACING_POOL'];
  const filter = filterIn(env, 'AZURE_INIT_KVP_FILTER');
  return {
    ...(path ? { path } : undefined),
    ...(service ? { agent: `${service}/${version}` } : undefined),
    ...(filter && { filter }),
  };
}

function filterIn(env: NodeJS.ProcessEnv, variable: string): Filter | undefined {
  try {
    return env[variable] ? filterOf(env[variable] as FilterInput, variable) : undefined;
  } catch (error) {
    printLine(`${messageOf(error)}; it is ignored`);
    return undefined;
  }
}
