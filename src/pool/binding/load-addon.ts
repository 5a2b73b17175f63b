import { lstatSync, readFileSync, realpathSync, type Stats } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { isError, messageOf } from '../../errors.ts';
import { variable } from '../../tracing/environment.ts';
import { VERSION } from '../../version.ts';
import { statOf } from '../same-file.ts';
import { type Elf, readElf } from './elf.ts';

const NAME = 'kvp-tracing';
const VARIABLE = 'KVP_TRACING_NATIVE';
const ARCHITECTURES: readonly string[] = ['x64', 'arm64'];
const LIBRARIES = { gnu: 'glibc', musl: 'musl' } as const;
type Library = keyof typeof LIBRARIES;

/** Why there is no native core: what is said of it, and the error that it comes from, if one does. */
class AddonError extends Error {}

/**
 * Loads the native core, the Node-API addon, and returns its exports. It is the file that the variable
 * `KVP_TRACING_NATIVE` names; else the one beside this package's own package.json, where a checkout's build leaves it;
 * else that of the platform package, of exactly this version, which is looked for in the `node_modules` folders above
 * this module, above the main script and above the executable. Nothing else is tried. Throws `AddonError`.
 */
export function loadAddon(): object {
  const named = variable(VARIABLE);
  if (named) {
    if (!isAbsolute(named))
      throw new AddonError(`${VARIABLE} must be an absolute path, not ${JSON.stringify(named)}`);
    return openAddon(named);
  }
  const { platform, arch } = process;
  if (platform !== 'linux' || !ARCHITECTURES.includes(arch)) {
    throw new AddonError(`there is none for ${platform}-${arch}, only for Linux on x64 and arm64`);
  }
  return openAddon(findAddon(libraryOfProgram()));
}

/** The C library of the running program, by the name of its ELF interpreter. */
function libraryOfProgram(): { library: Library; interpreter: string } {
  const path = process.execPath;
  let elf: Elf | undefined;
  try {
    elf = readElf(path);
  } catch (cause) {
    throw new AddonError(`the C library of ${path} is not known: ${messageOf(cause)}`, { cause });
  }
  // Where the interpreter itself was called with the program as its argument, it is what runs.
  const interpreter = elf?.interpreter ?? path;
  const name = basename(interpreter);
  if (name.includes('musl')) return { library: 'musl', interpreter };
  if (name.startsWith('ld-linux')) return { library: 'gnu', interpreter };
  throw new AddonError(`${path} runs on neither glibc nor musl: its ELF interpreter is ${interpreter}`);
}

/** The path of the native core for a C library. */
function findAddon({ library, interpreter }: { library: Library; interpreter: string }): string {
  const root = rootOfPackage();
  if (root !== undefined) {
    const built = join(root, fileOf(library));
    if (statOf(built) !== undefined) return built;
  }
  const name = packageOf(library);
  let unfit: string | undefined;
  for (const folder of foldersOf(name)) {
    const manifest = manifestIn(folder);
    if (manifest === undefined) continue;
    if (manifest.version === VERSION) return join(folder, fileOf(library));
    unfit ??= `${folder} has version ${JSON.stringify(manifest.version)} of it, and this package needs ${VERSION}: install both anew`;
  }
  if (unfit !== undefined) throw new AddonError(unfit);
  const other = library === 'gnu' ? 'musl' : 'gnu';
  for (const folder of foldersOf(packageOf(other))) {
    if (manifestIn(folder) === undefined) continue;
    throw new AddonError(
      `${folder} is for ${LIBRARIES[other]}, and this program runs on ${LIBRARIES[library]} (${interpreter}): install ${name}@${VERSION}`,
    );
  }
  throw new AddonError(
    `${name}@${VERSION} is not installed: install without --omit=optional, and on the system that it runs on`,
  );
}

function packageOf(library: Library): string {
  return `${NAME}-linux-${process.arch}-${library}`;
}

function fileOf(library: Library): string {
  return `${NAME}.linux-${process.arch}-${library}.node`;
}

/** Where this module is; `undefined` in a bundle that does not say. */
const THIS_MODULE: string | undefined = import.meta.filename;

/** The folder of this package; `undefined` where this module was bundled into a program. */
function rootOfPackage(): string | undefined {
  for (const folder of THIS_MODULE === undefined ? [] : foldersAbove(THIS_MODULE)) {
    if (statOf(join(folder, 'package.json')) !== undefined)
      return manifestIn(folder)?.name === NAME ? folder : undefined;
  }
  return undefined;
}

/** Where a package may be installed, nearest first. */
function* foldersOf(name: string): Generator<string> {
  for (const base of [THIS_MODULE, process.argv[1], process.execPath]) {
    const path = base === undefined ? undefined : realPath(base);
    if (path === undefined) continue;
    // Yarn's Plug'n'Play has no such folders; only its own resolver knows where packages are.
    if (process.versions['pnp'] !== undefined) yield* resolved(name, path);
    for (const folder of foldersAbove(path)) {
      if (basename(folder) !== 'node_modules') yield join(folder, 'node_modules', name);
    }
  }
}

function* resolved(name: string, from: string): Generator<string> {
  try {
    yield dirname(createRequire(from).resolve(`${name}/package.json`));
  } catch {
    // It is not among the packages that are installed for the one that asks.
  }
}

/** The folders that a file is in, innermost first. */
function* foldersAbove(path: string): Generator<string> {
  for (let folder = dirname(path), below = path; folder !== below;) {
    yield folder;
    below = folder;
    folder = dirname(folder);
  }
}

function manifestIn(folder: string): { name?: unknown; version?: unknown } | undefined {
  try {
    return Object(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))) as object;
  } catch {
    return undefined;
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Maps an addon that is sound: a file that is cut short would end the process by a signal when it is mapped. */
function openAddon(path: string): object {
  try {
    refuseForeign(realpathSync(path));
    const elf = readElf(path);
    if (elf === undefined) throw new AddonError(`${path} is no 64-bit ELF file`);
    if (!elf.isForThisMachine) throw new AddonError(`${path} is not for ${process.arch}`);
    if (elf.size < elf.complete) {
      throw new AddonError(`${path} is cut short: it has ${elf.size} bytes of ${elf.complete}`);
    }
    const module: { exports: { VERSION?: unknown } } = { exports: {} };
    process.dlopen(module, path);
    const version = module.exports.VERSION;
    if (version === VERSION) return module.exports;
    throw new AddonError(`${path} is of version ${String(version)}, and this package needs ${VERSION}`);
  } catch (cause) {
    if (cause instanceof AddonError) throw cause;
    throw new AddonError(advised(path, cause), { cause });
  }
}

/** Refuses a file whose content others decide: code that is loaded runs as this process' user, often root. */
function refuseForeign(path: string): void {
  const [, script] = process.argv;
  const main = script === undefined ? undefined : statOf(script);
  const owners = [0, process.geteuid?.(), main?.uid];
  const { uid } = lstatSync(path);
  if (!owners.includes(uid)) {
    throw new AddonError(
      `${path} belongs to user ${uid}, not to root, this process' user or the main script's owner`,
    );
  }
  for (const each of [path, ...foldersAbove(path)]) {
    if (isOpenToAll(lstatSync(each))) {
      throw new AddonError(`${each} may be written by everybody: chmod o-w ${JSON.stringify(each)}`);
    }
  }
}

/** Whether everybody may write a file, or replace the files of a folder: the sticky bit forbids it, as in /tmp. */
function isOpenToAll({ mode }: Stats): boolean {
  return (mode & 0o1002) === 0o0002;
}

function advised(path: string, cause: unknown): string {
  const text = messageOf(cause).split('\n', 1)[0] as string;
  if (isError(cause) && (cause as NodeJS.ErrnoException).code === 'ERR_DLOPEN_DISABLED') {
    return `${text} (--permission needs --allow-addons; or --no-addons is set)`;
  }
  return text.includes(path) ? text : `${path}: ${text}`;
}
