import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = new URL('../../', import.meta.url);

/** How Node.js runs TypeScript; from version 26 on it would complain of how the loader registers. */
export const TYPESCRIPT = ['--disable-warning=DEP0205', '--import', '@oxc-node/core/register'] as const;

/** The folder into which `npm test` has compiled the project's files, so that no program does it again. */
const COMPILED = process.env['KVP_TEST_COMPILED'];

/** `npm run mutate` has programs load what it has compiled in place of the built package. */
const IS_UNBUILT = process.env['KVP_TEST_UNBUILT'] === 'true';

/** What a program came to. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** What Node.js is given to run a TypeScript file, named by its path in this project. */
export function onTypeScript(file: string): string[] {
  const compiled = compiledOf(file);
  return compiled === undefined ? [...TYPESCRIPT, fileURLToPath(new URL(file, ROOT))] : [compiled];
}

function compiledOf(file: string): string | undefined {
  if (COMPILED === undefined) return undefined;
  const path = fileURLToPath(new URL(join(COMPILED, file.replace(/\.ts$/, '.js')), ROOT));
  return existsSync(path) ? path : undefined;
}

/** Imports a TypeScript file that `npm test` has not compiled. */
export async function importTypeScript(url: URL): Promise<unknown> {
  if (COMPILED !== undefined) await import(TYPESCRIPT[2]);
  return import(url.href);
}

/** Writes a program in JavaScript that imports the package into a folder; what Node.js is given to run it. */
export function written(source: string, folder: string): string[] {
  const path = join(folder, 'program.mjs');
  const args = onTypeScript('src/index.ts');
  writeFileSync(path, source.replaceAll("'kvp-tracing'", JSON.stringify(args.at(-1))));
  return [...args.slice(0, -1), path];
}

/** Starts a file of this project, or one made of JavaScript in `folder`, as a program of its own. */
export function start(
  program: { file: string } | { source: string; folder: string },
  args: readonly string[] = [],
  options: SpawnOptions = {},
): ChildProcess {
  const run = 'file' in program ? onTypeScript(program.file) : written(program.source, program.folder);
  return spawn(process.execPath, [...run, ...args], {
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
  if ('deno' in process.versions) return [inFile(source), ...args];
  return ['--input-type=module', '-e', IS_UNBUILT ? unbuilt(source) : source, ...args];
}

/** A file of this project with a source, because Deno evaluates no module that it is given as text. */
function inFile(source: string): string {
  const folder = fileURLToPath(new URL('.tests/evaluated', ROOT));
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${createHash('sha256').update(source).digest('hex')}.mjs`);
  // Whole at once, because a program of another test may be reading it.
  const made = `${path}.${randomUUID()}`;
  // A text has its arguments where a file has its name.
  writeFileSync(made, `process.argv.splice(1, 1);\n${source}`);
  renameSync(made, path);
  return path;
}

/** Where the package's entries are in the sources. */
const ENTRIES: Record<string, string> = {
  '': 'index',
  '/opentelemetry': 'opentelemetry/index',
  '/register': 'opentelemetry/register',
  '/pino': 'pino/index',
};

/** The source with the compiled files in place of the package's entries. */
function unbuilt(source: string): string {
  return source.replace(/'kvp-tracing(|\/\w+)'/g, (all, entry: string) => {
    const file = ENTRIES[entry];
    return file === undefined ? all : JSON.stringify(new URL(`${COMPILED}/src/${file}.js`, ROOT).href);
  });
}

/** Copies the package into a folder, as it is installed: what is in it finds out where it is. */
export function copyPackage(folder: string): void {
  cpSync(new URL('package.json', ROOT), join(folder, 'package.json'), { recursive: true });
  const dist = join(folder, 'dist');
  if (!IS_UNBUILT) return cpSync(new URL('dist', ROOT), dist, { recursive: true });
  cpSync(new URL(`${COMPILED}/src`, ROOT), dist, { recursive: true });
  const loader = join(dist, 'pool/binding/load-addon.js');
  const url = JSON.stringify(new URL('src/pool/binding/load-addon.ts', ROOT).href);
  writeFileSync(loader, readFileSync(loader, 'utf8').replaceAll(url, 'import.meta.url'));
  const manifest = join(folder, 'package.json');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll('dist/index.cjs', 'dist/index.js'));
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
