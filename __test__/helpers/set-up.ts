import type { ExecutionContext } from 'ava';
import type { KvpError } from '../../src/errors.ts';
import { initializeTracing } from '../../src/setup/initialize-tracing.ts';
import type { TracingOptions } from '../../src/setup/tracing-options.ts';

const VARIABLES = /^(AZURE_INIT_|OTEL_|TRACEPARENT$)/;

/** Makes the process one that nobody has told anything, and that has not loaded OpenTelemetry. */
export function forgetSetUp(): void {
  for (const name of Object.keys(process.env)) if (VARIABLES.test(name)) delete process.env[name];
  delete (globalThis as Record<symbol, unknown>)[Symbol.for('opentelemetry.js.api.1')];
}

/** Tracing with these variables of the environment, ended with the test, and what was reported. */
export async function setUp(t: ExecutionContext, options: TracingOptions, env: Record<string, string> = {}) {
  const problems: KvpError[] = [];
  Object.assign(process.env, env);
  const onProblem = (problem: Error) => problems.push(problem as KvpError);
  const tracing = await initializeTracing({ onProblem, ...options });
  t.teardown(() => tracing.shutdown());
  return { tracing, problems, names: () => Object.keys(tracing.stats()) };
}

/** A writer that keeps lines. */
export function linesOf(): { lines: string[]; write(line: string): void } {
  const lines: string[] = [];
  return { lines, write: (line) => void lines.push(line) };
}

/** The messages of lines of the target `agent`. */
export function messagesIn(lines: string): string[] {
  return [...lines.matchAll(/ agent: (.*)\n/g)].map(([, message]) => message as string);
}

/** The options of a set-up without an output. */
export const OFF = { kvp: false, opentelemetry: false, stderr: false } as const;
