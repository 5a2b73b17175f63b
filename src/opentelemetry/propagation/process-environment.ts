import { type Context, propagation, ROOT_CONTEXT, type TextMapSetter, trace } from '@opentelemetry/api';
import { guardedHandler, type ProblemHandler } from '../../tracing/problem-handler.ts';
import { wellFormed } from './carrier.ts';
import { PEERS, unlessMissing } from '../peers.ts';
import { extractedFrom, joining } from './propagation.ts';
import { registerPropagator } from './propagator.ts';

/** How context comes from whoever started the process, and goes to the processes that it starts. */
export interface Environment {
  /** What the process was started in; OpenTelemetry's root context where nobody said. */
  readonly context: Context;
  /** Writes a context, or, where that is in no trace, the inherited one, into a child's environment. */
  write(active: Context, env: NodeJS.ProcessEnv): void;
  /** Takes the propagator back that was registered for it. */
  release(): void;
}

export interface EnvironmentOptions {
  /** Whether the process's own environment is read. Default `true`. */
  inherits?: boolean;
  /** Hears of propagators in `OTEL_PROPAGATORS` that are passed over. Default: a line on stderr each. */
  onProblem?: ProblemHandler;
}

/** What is used of `@opentelemetry/propagator-env-carrier`; its types may be missing where ours are read. */
interface Carrier {
  EnvironmentGetter: new () => {
    get(carrier: unknown, name: string): string | undefined;
    keys(carrier: unknown): string[];
  };
  EnvironmentSetter: new (variables: Record<string, string>) => TextMapSetter<unknown>;
}

/** Takes its place where it is not installed: as W3C's names and OpenTelemetry's are spelled, upper case is all. */
const PLAIN: Carrier = {
  EnvironmentGetter: class {
    get(_: unknown, name: string): string | undefined {
      return process.env[variable(name)];
    }
    keys(): string[] {
      return Object.keys(process.env);
    }
  },
  EnvironmentSetter: class {
    readonly #variables: Record<string, string>;

    constructor(variables: Record<string, string>) {
      this.#variables = variables;
    }
    set(_: unknown, name: string, value: string): void {
      this.#variables[variable(name)] = value;
    }
  },
};

function variable(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9_]/g, '_');
}

/**
 * Reads the context that the process was started in (`TRACEPARENT`, `TRACESTATE`, `BAGGAGE`), for the option
 * `environment` of `OpenTelemetryLayer`. Uses the global propagator, or makes W3C's the global ones if there is none.
 * Where `OTEL_PROPAGATORS` is `none`, nothing is read and nothing written.
 */
export function processEnvironment(options?: EnvironmentOptions): Promise<Environment>;
/** @internal */
export function processEnvironment(
  options: EnvironmentOptions,
  load: () => Promise<Carrier>,
): Promise<Environment>;
export async function processEnvironment(
  { inherits = true, onProblem }: EnvironmentOptions = {},
  load: () => Promise<Carrier> = () => import('@opentelemetry/propagator-env-carrier'),
): Promise<Environment> {
  const { EnvironmentGetter, EnvironmentSetter } = await load().catch((error: unknown) => {
    unlessMissing(error);
    return PLAIN;
  });
  const release = await registerPropagator(process.env, PEERS, guardedHandler(onProblem));
  const getter = new EnvironmentGetter();
  const inherited = inherits
    ? extractedFrom(
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
      const joined = joining(active, inherited);
      const variables = carrierOf((setter) => propagation.inject(joined, undefined, setter));
      if (trace.getSpanContext(joined) !== undefined && Object.keys(variables).length > 0) {
        // What we inherited of another trace must not stay beside the new one.
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
