import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { initializeTracing, type Tracing, type TracingOptions } from '../../../src/index.ts';
import { kvp } from '../kvp.ts';
import { folderOf } from '../pool-folder.ts';

/** How a text comes about: by what throws, rejects or returns it. Or where it is tried, if no few lines bring it about. */
export type Origin = ((t: ExecutionContext) => unknown) | Elsewhere;
/** A text, the test that brings it about, and what of it stands there; by default the text itself. */
interface Elsewhere {
  text: string;
  in: string;
  has?: string;
}
export interface Row {
  of: Origin;
  /** What to do, or what it means. */
  cure: string;
}

/** What a set-up with wrong options rejects with. */
export const setUp = (options: unknown) => () => initializeTracing(options as TracingOptions);

/** The first problem that a program is told of. */
export async function problem(act: (onProblem: (problem: Error) => void) => unknown): Promise<Error> {
  const problems: Error[] = [];
  await act((each) => problems.push(each));
  for (let i = 0; i < 500 && problems.length === 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  return problems[0] ?? new Error('there was no problem');
}

/** What a program does that is set up. */
export async function setUpTo(options: TracingOptions, act: (tracing: Tracing) => unknown): Promise<unknown> {
  const tracing = await initializeTracing({ kvp: false, stderr: false, ...options });
  try {
    return await act(tracing);
  } finally {
    await tracing.shutdown();
  }
}

/** What a call of the command line says on stderr. */
export const command =
  (...args: string[]) =>
  (t: ExecutionContext) => {
    const folder = folderOf(t);
    writeFileSync(join(folder, 'there'), 'text');
    mkdirSync(join(folder, 'vm'));
    writeFileSync(join(folder, 'vm/.kvp_pool_1'), '');
    const { stderr } = kvp(args.map((arg) => arg.replaceAll('FOLDER', folder)));
    return new Error(stderr.trim().split('\n')[0]);
  };
