import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = new URL('../../', import.meta.url);

/** How Node.js runs TypeScript; from version 26 on it would complain of how the loader registers. */
export const TYPESCRIPT = ['--disable-warning=DEP0205', '--import', '@oxc-node/core/register'] as const;

/** What a program came to. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Starts a file of this project, or one made of `source` in `folder`, as a program of its own. */
export function start(
  program: { file: string } | { source: string; folder: string },
  args: readonly string[] = [],
  options: SpawnOptions = {},
): ChildProcess {
  let file: string;
  if ('file' in program) file = new URL(program.file, ROOT).pathname;
  else {
    file = join(program.folder, 'program.ts');
    const source = new URL('src/index.ts', ROOT).pathname;
    writeFileSync(file, program.source.replaceAll("'kvp-tracing'", JSON.stringify(source)));
  }
  return spawn(process.execPath, [...TYPESCRIPT, file, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
    env: { ...process.env, ...options.env },
  });
}

/**
 * What Node.js is given to run JavaScript on the built package: it starts in half the time, and nothing but
 * the package is loaded. Needs the project's folder as `cwd`.
 */
export function onBuilt(source: string, ...args: string[]): string[] {
  return ['--input-type=module', '-e', source, ...args];
}

/** Waits for a program's end. */
export async function ended(child: ChildProcess): Promise<Ended> {
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => (texts[name] += text));
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, ...texts };
}
