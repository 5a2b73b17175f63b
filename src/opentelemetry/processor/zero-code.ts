import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as ownApi from '@opentelemetry/api';
import { LayerError, messageOf } from '../../errors.ts';
import { type Filter, type FilterInput, filterOf } from '../../tracing/filter.ts';
import { guardedHandler } from '../../tracing/problem-handler.ts';
import { printLine } from '../../tracing/print-line.ts';
import { providerSettings } from '../export/sdk-settings.ts';
import { ensureContextManager } from '../layer/context-manager.ts';
import { processors } from '../layer/mirrored.ts';
import { installCommand, runsSdk3 } from '../install-command.ts';
import { unlessMissing } from '../peers.ts';
import { resourceAttributes } from '../export/resource.ts';
import { type Sdk, sdkOf } from '../sdk.ts';
import { settingOf } from '../setting.ts';
import { joinProvider } from './join-provider.ts';
import { KvpSpanProcessor, type KvpSpanProcessorOptions } from './kvp-span-processor.ts';
import { registeredGlobals } from '../registered-globals.ts';
import { type OnProvider, type Proxy, watchProviders } from './provider-watch.ts';
import { standInProvider } from './stand-in-provider.ts';

type Api = Pick<typeof ownApi, 'context' | 'trace'>;

/**
 * Writes the program's OpenTelemetry spans to the pool `KVP_TRACING_POOL`: those of each provider that it registers, and
 * until it registers one those of an SDK that it has installed. Nothing is loaded or opened before it is needed.
 */
export function register(env: NodeJS.ProcessEnv): void {
  if (settingOf(env, 'OTEL_SDK_DISABLED') === 'true') return;
  // The program's copies of the API come first: once a version has registered something, no other may.
  const apis = [...installedApis(), ownApi];
  if (ensureContextManager(apis[0]?.context) === undefined) {
    printLine('no context manager can be registered with OpenTelemetry; spans will not nest');
  }
  // It is made when it is needed; until then our own layer must say which spans a pool has already.
  processors.open++;
  let processor: KvpSpanProcessor | undefined;
  const theProcessor = (): KvpSpanProcessor => (processor ??= new KvpSpanProcessor(optionsFrom(env)));
  const join = neverThrowing<OnProvider>((provider, proxy) => {
    if (!joinProvider(provider, proxy, theProcessor, advise)) advise();
  });
  const there = registeredGlobals().trace as Proxy | undefined;
  const proxies = new Set(apis.map(({ trace }) => trace.getTracerProvider() as Proxy));
  const standIn = standInProvider(() => installedProvider(env, theProcessor));
  if (there === undefined) for (const proxy of proxies) proxy.setDelegate(standIn);
  watchProviders(proxies, join);
  if (there !== undefined) join(there, there);
}

const said = new Set<string>();

function sayOnce(text: string): void {
  if (said.has(text)) return;
  said.add(text);
  printLine(text);
}

/** Prints what a program must add whose spans can't be seen. */
function advise(): void {
  sayOnce(
    "the program registers an OpenTelemetry SDK of its own, whose spans do not reach the pool: add KvpSpanProcessor of 'kvp-tracing/opentelemetry' to its span processors",
  );
}

function sayUnwritten(error: unknown): void {
  sayOnce(`spans are not written to the pool: ${messageOf(error)}`);
}

/** `act`, which is called where the program would get what it throws. */
function neverThrowing<F extends (...args: never[]) => void>(act: F): F {
  return ((...args) => {
    try {
      act(...args);
    } catch (error) {
      sayUnwritten(error);
    }
  }) as F;
}

/** A provider of the installed SDK; one that does nothing if there is none, or if the pool can't be written. */
function installedProvider(env: NodeJS.ProcessEnv, processor: () => KvpSpanProcessor): ownApi.TracerProvider {
  try {
    const sdk = installedSdk();
    if (sdk === undefined) {
      throw new LayerError(`no OpenTelemetry SDK is installed: ${installCommand('sdk')}`);
    }
    const settings = providerSettings(sdk, env, guardedHandler());
    return sdk.provider({ ...settings, spanProcessors: [processor()] });
  } catch (error) {
    sayUnwritten(error);
    return new ownApi.ProxyTracerProvider();
  }
}

function installedSdk(): Sdk | undefined {
  const names = ['@opentelemetry/sdk-trace', '@opentelemetry/sdk-trace-base'];
  for (const name of runsSdk3() ? names : names.toReversed()) {
    for (const load of loaders()) {
      const loaded = load<Parameters<typeof sdkOf>[0]>(name);
      if (loaded !== undefined) return sdkOf(loaded);
    }
  }
  return undefined;
}

/** The copies of the API that the program loads by `require` and, since 1.10, another by `import`. */
function installedApis(): Api[] {
  const apis: Api[] = [];
  for (const load of loaders()) {
    const api = load<Api>('@opentelemetry/api');
    if (api === undefined) continue;
    apis.push(api);
    const module = load.path('@opentelemetry/api')?.replace(/\.cjs$/, '.mjs');
    const other = module?.endsWith('.mjs') === true ? load<Api>(module) : undefined;
    if (other !== undefined) apis.push(other);
    break;
  }
  return apis;
}

interface Load {
  /** Loads a package; `undefined` if it is not installed. */
  <T>(name: string): T | undefined;
  /** The file of a package that is installed. */
  path(name: string): string | undefined;
}

/** Loads packages as the program would, else as this package would. */
function* loaders(): Generator<Load> {
  for (const file of [programFile(), inCurrentFolder(), import.meta.url]) {
    if (file === undefined) continue;
    const require = createRequire(file);
    const attempt = <T>(act: () => T): T | undefined => {
      try {
        return act();
      } catch (error) {
        return unlessMissing(error);
      }
    };
    yield Object.assign(<T>(name: string) => attempt(() => require(name) as T), {
      path: (name: string) => attempt(() => require.resolve(name)),
    });
  }
}

/** A file that need not exist, in the current folder, which may be deleted. */
function inCurrentFolder(): string | undefined {
  try {
    return join(process.cwd(), 'program');
  } catch {
    return undefined;
  }
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
