import { type Context, propagation, ROOT_CONTEXT, type TextMapSetter, trace } from '@opentelemetry/api';
import { booleanOption, type Checks, functionOption, readOptions } from '../../option.ts';
import { variable, variables } from '../../tracing/environment.ts';
import { guardedHandler, type ProblemHandler } from '../../tracing/problem-handler.ts';
import { wellFormed } from './carrier.ts';
import { PEERS, required, unlessMissing } from '../peers.ts';
import { extractContext, withInherited } from './propagation.ts';
import { registerPropagator } from './propagator.ts';

/** The context that the process inherited, and how child processes inherit one from it. */
export interface Environment {
  /** The inherited context; OpenTelemetry's root context if none was inherited. */
  readonly context: Context;
  /** Writes `active` to a child's environment, or the inherited context if `active` is in no trace. */
  write(active: Context, env: NodeJS.ProcessEnv): void;
  /** Unregisters the propagator that was registered for it. */
  release(): void;
}

export interface EnvironmentOptions {
  /** Whether the process's own environment is read. Default `true`. */
  inherits?: boolean | undefined;
  /** Is called for each unknown name in `OTEL_PROPAGATORS`, which is ignored. Default: prints a line on stderr. */
  onProblem?: ProblemHandler | undefined;
}

const OPTIONS: Checks<EnvironmentOptions> = { inherits: booleanOption, onProblem: functionOption };

/** The part of `@opentelemetry/propagator-env-carrier` that is used. Declared here, because our types must not need the package. */
interface Carrier {
  EnvironmentGetter: new () => {
    get(carrier: unknown, name: string): string | undefined;
    keys(carrier: unknown): string[];
  };
  EnvironmentSetter: new (variables: Record<string, string>) => TextMapSetter<unknown>;
}

/** Replaces that package where it is not installed. The names of W3C and OpenTelemetry only need upper case. */
const PLAIN: Carrier = {
  EnvironmentGetter: class {
    get(_: unknown, name: string): string | undefined {
      return variable(upper(name));
    }
    keys(): string[] {
      return Object.keys(variables());
    }
  },
  EnvironmentSetter: class {
    readonly #variables: Record<string, string>;

    constructor(variables: Record<string, string>) {
      this.#variables = variables;
    }
    set(_: unknown, name: string, value: string): void {
      this.#variables[upper(name)] = value;
    }
  },
};

async function loadCarrier(): Promise<Carrier | undefined> {
  try {
    const name = '@opentelemetry/propagator-env-carrier';
    // In a program of CommonJS an import takes far longer.
    return (required(name) as Carrier | undefined) ?? (await import('@opentelemetry/propagator-env-carrier'));
  } catch (error) {
    return unlessMissing(error);
  }
}

function upper(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9_]/g, '_');
}

/**
 * Reads the inherited context from `TRACEPARENT`, `TRACESTATE` and `BAGGAGE`, for the option `environment` of
 * `OpenTelemetryLayer`. Uses the global propagator; registers those that `OTEL_PROPAGATORS` names, by default W3C's,
 * if there is none. With `OTEL_PROPAGATORS=none` it reads and writes nothing.
 *
 * @example
 * ```ts
 * const environment = await processEnvironment();
 * const layer = new OpenTelemetryLayer({ environment });
 * ```
 */
export function processEnvironment(options?: EnvironmentOptions): Promise<Environment>;
/** @internal */
export function processEnvironment(
  options: EnvironmentOptions,
  load: () => Promise<Carrier>,
): Promise<Environment>;
export async function processEnvironment(
  options?: EnvironmentOptions,
  load: () => Promise<Carrier | undefined> = loadCarrier,
): Promise<Environment> {
  const { inherits = true, onProblem } = readOptions(OPTIONS, options);
  const { EnvironmentGetter, EnvironmentSetter } = (await load().catch(unlessMissing)) ?? PLAIN;
  const release = await registerPropagator(variables(), PEERS, guardedHandler(onProblem));
  const getter = new EnvironmentGetter();
  const inherited = inherits
    ? extractContext(
        ROOT_CONTEXT,
        {},
        {
          get: (_, name) => wellFormed(name, getter.get(undefined, name)),
          keys: () => getter.keys(undefined),
        },
      )
    : ROOT_CONTEXT;
  const carrierOf = (fill: (setter: TextMapSetter<unknown>) => void) => {
    const variables: Record<string, string> = {};
    fill(new EnvironmentSetter(variables));
    return variables;
  };
  return {
    context: inherited,
    write: (active, env) => {
      const joined = withInherited(active, inherited);
      const variables = carrierOf((setter) => propagation.inject(joined, undefined, setter));
      if (trace.getSpanContext(joined) !== undefined && Object.keys(variables).length > 0) {
        // Variables of the inherited trace must not stay beside those of the new one.
        const names = carrierOf((setter) => {
          for (const field of propagation.fields()) setter.set(undefined, field, '');
        });
        for (const name of Object.keys(names)) delete env[name];
      }
      Object.assign(env, variables);
    },
    release,
  };
}
