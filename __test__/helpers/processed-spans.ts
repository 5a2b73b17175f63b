import type { Tracer } from '@opentelemetry/api';
import { BasicTracerProvider, type Sampler, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { ExecutionContext } from 'ava';
import type { Diagnostic } from '../../src/diagnostics/diagnostic.ts';
import { readDiagnosticsSync } from '../../src/diagnostics/read/read-diagnostics.ts';
import { KvpSpanProcessor, type KvpSpanProcessorOptions } from '../../src/opentelemetry/index.ts';
import { poolOf } from './pool-folder.ts';

export interface SetUp {
  tracer: Tracer;
  provider: BasicTracerProvider;
  processor: KvpSpanProcessor;
  path: string;
  problems: Error[];
}

/** What the pool says after a program ran whose spans one processor writes. */
export async function told(
  t: ExecutionContext,
  program: (tracer: Tracer, setUp: SetUp) => unknown,
  options: KvpSpanProcessorOptions & {
    sampler?: Sampler;
    around?: (inner: SpanProcessor) => SpanProcessor;
  } = {},
): Promise<Diagnostic[]> {
  const path = options.path ?? poolOf(t);
  const { sampler, around = (inner) => inner, ...rest } = options;
  const problems: Error[] = [];
  const onProblem = (problem: Error) => void problems.push(problem);
  const processor = new KvpSpanProcessor({ vmId: 'vm', onProblem, ...rest, path });
  const provider = new BasicTracerProvider({
    spanProcessors: [around(processor)],
    ...(sampler && { sampler }),
  });
  const tracer = provider.getTracer('http');
  await program(tracer, { tracer, provider, processor, path, problems });
  await provider.shutdown();
  const { diagnostics, problems: defects, unknown } = readDiagnosticsSync(path);
  t.deepEqual([defects, unknown], [[], []]);
  return diagnostics;
}

/** `start work`: what each diagnostic is of. */
export const kinds = (diagnostics: Diagnostic[]) => diagnostics.map(({ kind, name }) => `${kind} ${name}`);
