import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { build } from 'esbuild';
import { loadAddon } from '../src/pool/binding/load-addon.ts';
import { VERSION } from '../src/version.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { copyPackage, ROOT } from './helpers/programs.ts';

const BINARY = readdirSync(ROOT).find((name) => /^kvp-tracing\.linux-.*\.node$/.test(name));
const MISSING =
  BINARY === undefined ? 'missing the native core: https://rustup.rs, then npm run build' : undefined;
const TRIPLE = BINARY?.split('.')[1] ?? `linux-${process.arch}-gnu`;
const PLATFORM = `kvp-tracing-${TRIPLE}`;
const OTHER = TRIPLE.endsWith('gnu') ? TRIPLE.replace(/gnu$/, 'musl') : TRIPLE.replace(/musl$/, 'gnu');

/** A program's folder in which the package is installed, beside a platform package if there is to be one. */
class Installed {
  readonly folder: string;
  readonly package: string;
  readonly platform: string;
  readonly binary: string;

  constructor(t: ExecutionContext) {
    this.folder = folderOf(t);
    this.package = join(this.folder, 'node_modules/kvp-tracing');
    this.platform = join(this.folder, 'node_modules', PLATFORM);
    this.binary = join(this.platform, BINARY ?? '');
    copyPackage(this.package);
  }

  withPlatform({ bytes = core(), version = VERSION, folder = this.platform } = {}): this {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: basename(folder), version }));
    writeFileSync(join(folder, `kvp-tracing.${basename(folder).slice('kvp-tracing-'.length)}.node`), bytes);
    return this;
  }

  /** What a program prints that asks for the backend: its name, or what was said. */
  backend({ node = [], env = {}, before = '', file }: Call = {}): string {
    const script = `${before};const { backend } = await import('kvp-tracing'); console.log(backend());`;
    const program = file === undefined ? ['--input-type=module', '-e', script] : [file];
    const { stdout, stderr } = spawnSync(process.execPath, [...node, ...program], {
      cwd: this.folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1', ...env },
    });
    const said = stderr.replace("kvp-tracing: the native core can't be loaded: ", '');
    return (stdout + said).replace('; writing from JavaScript instead (ERR_KVP_BINDING)', '').trim();
  }
}

interface Call {
  readonly node?: string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Statements that the program begins with. */
  readonly before?: string;
  /** The program; else a module that imports the package. */
  readonly file?: string;
}

function core(): Buffer {
  return BINARY === undefined ? Buffer.alloc(0) : readFileSync(new URL(BINARY, ROOT));
}

/** Where the sections of an ELF file start and end. */
function sectionsOf(bytes: Buffer): number[] {
  const first = Number(bytes.readBigUInt64LE(40));
  const size = bytes.readUInt16LE(58);
  const headers = Array.from({ length: bytes.readUInt16LE(60) }, (_, index) => first + index * size);
  return headers.flatMap((at) => {
    const start = Number(bytes.readBigUInt64LE(at + 24));
    // What is zeroed when it is mapped (SHT_NOBITS) takes no room.
    return bytes.readUInt32LE(at + 4) === 8
      ? [start]
      : [start, start + Number(bytes.readBigUInt64LE(at + 32))];
  });
}

/** Of `p_type`: what is mapped, and a remark. */
const PT_LOAD = 1;
const PT_NOTE = 4;

/** The program headers of an ELF file: where each stands, and where the part ends that it names. */
function segmentsOf(bytes: Buffer): { at: number; type: number; end: number }[] {
  const first = Number(bytes.readBigUInt64LE(32));
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
    const at = first + index * 56;
    const end = bytes.readBigUInt64LE(at + 8) + bytes.readBigUInt64LE(at + 32);
    return { at, type: bytes.readUInt32LE(at), end: Number(end) };
  });
}

test('the platform package of exactly this version is loaded', (t) => {
  if (!has(t, MISSING)) return;
  const installed = new Installed(t);
  t.is(
    installed.backend(),
    `js\n${PLATFORM}@${VERSION} is not installed: install without --omit=optional, and on the system that it runs on`,
  );
  t.is(installed.withPlatform().backend(), 'native');
  t.is(
    installed.withPlatform({ version: '0.0.1' }).backend(),
    [
      'js',
      `${installed.platform} has version "0.0.1" of it, and this package needs ${VERSION}: install both anew`,
    ].join('\n'),
  );
});

test.serial(
  'a file that is cut short anywhere, or is no library for this machine, is refused before it is mapped',
  (t) => {
    if (!has(t, MISSING)) return;
    const path = join(folderOf(t), 'core.node');
    process.env['KVP_TRACING_NATIVE'] = path;
    t.teardown(() => delete process.env['KVP_TRACING_NATIVE']);
    const said = (bytes: Buffer): string | undefined => {
      writeFileSync(path, bytes);
      return t.throws(() => loadAddon())?.message.replace(`${path} `, '');
    };
    const bytes = core();
    const lengths = [...new Set([0, 1, 16, 63, 64, 4096, ...sectionsOf(bytes), bytes.length - 1])];
    t.true(lengths.length > 20);
    for (const length of lengths) {
      const expected =
        length < 64 ? 'is no 64-bit ELF file' : `is cut short: it has ${length} bytes of ${bytes.length}`;
      t.is(said(bytes.subarray(0, length)), expected);
    }
    const changed = (change: (copy: Buffer) => void): string | undefined => {
      const copy = Buffer.from(bytes);
      change(copy);
      return said(copy);
    };
    t.is(
      changed((copy) => copy.fill(0)),
      'is no 64-bit ELF file',
    );
    t.is(
      changed((copy) => copy.write('#!/bin/sh\nexit 1\n')),
      'is no 64-bit ELF file',
    );
    t.is(
      changed((copy) => (copy[4] = 1)),
      'is no 64-bit ELF file',
    );
    t.is(
      changed((copy) => (copy[18] = copy[18] === 183 ? 62 : 183)),
      `is not for ${process.arch}`,
    );
    const newer = bytes.toString('latin1').replaceAll(/GLIBC_2\.\d/g, 'GLIBC_9.9');
    if (TRIPLE.endsWith('gnu')) {
      t.regex(said(Buffer.from(newer, 'latin1')) ?? '', /version `GLIBC_9\.9[^\n]*' not found[^\n]*$/);
    }
    // Without sections, as some tools strip it, what is mapped says how long it must be.
    const stripped = Buffer.from(bytes);
    stripped.fill(0, 40, 48).fill(0, 58, 64);
    const mapped = Math.max(
      ...segmentsOf(bytes)
        .filter(({ type }) => type === PT_LOAD)
        .map(({ end }) => end),
    );
    t.true(mapped > 4096 && mapped < bytes.length);
    for (const length of [4096, mapped - 1]) {
      t.is(said(stripped.subarray(0, length)), `is cut short: it has ${length} bytes of ${mapped}`);
    }
    // What is not mapped need not be there: a part of a type that only some tools know.
    const [note] = segmentsOf(bytes).filter(({ type }) => type === PT_NOTE);
    t.truthy(note);
    const annotated = Buffer.from(stripped.subarray(0, mapped));
    annotated.writeUInt32LE(0x6fff_fff0, note!.at);
    annotated.writeBigUInt64LE(1n << 40n, note!.at + 8);
    const opened = (core: Buffer): unknown => {
      // One that is mapped must stay as it is.
      rmSync(path);
      writeFileSync(path, core);
      return typeof (loadAddon() as { openStore?: unknown }).openStore;
    };
    t.is(opened(annotated), 'function');
    t.is(opened(bytes), 'function');
  },
);

test('the C library is that of the running program, and the wrong one is named beside it', (t) => {
  if (!has(t, MISSING)) return;
  const installed = new Installed(t);
  const node = readFileSync(process.execPath).subarray(0, 1 << 20);
  const interpreter = /\/[\w/.-]*ld-(?:linux|musl)[\w.-]*/.exec(node.toString('latin1'))?.[0];
  if (
    !has(
      t,
      interpreter === undefined
        ? 'missing a Node.js that is linked dynamically: https://nodejs.org'
        : undefined,
    )
  )
    return;
  const fake = (name: string): Call => {
    const program = join(installed.folder, 'program');
    const text = node.toString('latin1').replace(interpreter!, name.padEnd(interpreter!.length, '\0'));
    writeFileSync(program, Buffer.from(text, 'latin1'));
    return { before: `Object.defineProperty(process, 'execPath', { value: ${JSON.stringify(program)} })` };
  };
  const other = OTHER.endsWith('musl') ? '/lib/ld-musl-x.so.1' : '/lib/ld-linux-x.so.2';
  const [mine, theirs] = OTHER.endsWith('musl') ? ['glibc', 'musl'] : ['musl', 'glibc'];
  t.is(
    installed.backend(fake(other)),
    `js\nkvp-tracing-${OTHER}@${VERSION} is not installed: install without --omit=optional, and on the system that it runs on`,
  );
  t.is(
    installed.withPlatform().backend(fake(other)),
    `js\n${installed.platform} is for ${mine}, and this program runs on ${theirs} (${other}): install kvp-tracing-${OTHER}@${VERSION}`,
  );
  t.is(installed.backend(fake(interpreter!)), 'native');
  t.is(
    installed.backend(fake('/x/loader')),
    `js\n${join(installed.folder, 'program')} runs on neither glibc nor musl: its ELF interpreter is /x/loader`,
  );
  const missing = { before: "Object.defineProperty(process, 'execPath', { value: '/nowhere' })" };
  t.regex(installed.backend(missing), /^js\nthe C library of \/nowhere is not known: ENOENT[^\n]+$/);
});

test('what does not let addons run is said with what would', (t) => {
  if (!has(t, MISSING)) return;
  const installed = new Installed(t).withPlatform();
  const advice = /^js\n[^\n]+ \(--permission needs --allow-addons; or --no-addons is set\)$/;
  t.regex(installed.backend({ node: ['--no-addons'] }), advice);
  const flag = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const permission = [flag, '--allow-fs-read=*'];
  t.regex(installed.backend({ node: permission }), advice);
  t.is(installed.backend({ node: [...permission, '--allow-addons'] }), 'native');
  t.regex(
    installed.backend({ node: [flag, `--allow-fs-read=${installed.folder}`, '--allow-addons'] }),
    /^js\n[^\n]+$/,
  );
});

test('a file that others may write is not loaded', (t) => {
  if (!has(t, MISSING)) return;
  const installed = new Installed(t).withPlatform();
  chmodSync(installed.binary, 0o666);
  t.is(
    installed.backend(),
    `js\n${installed.binary} may be written by everybody: chmod o-w ${JSON.stringify(installed.binary)}`,
  );
  chmodSync(installed.binary, 0o444);
  for (const folder of [installed.platform, installed.folder]) {
    chmodSync(folder, 0o777);
    t.is(
      installed.backend(),
      `js\n${folder} may be written by everybody: chmod o-w ${JSON.stringify(folder)}`,
    );
    // As /tmp: nobody replaces the files of others.
    chmodSync(folder, 0o1777);
    t.is(installed.backend(), 'native');
    chmodSync(folder, 0o755);
  }
});

test('a program that gave its rights up, and may not look at its main script any more, has the native core', (t) => {
  if (!has(t, MISSING)) return;
  if (!has(t, process.geteuid?.() === 0 ? undefined : 'missing root: run the tests as root')) return;
  const installed = new Installed(t).withPlatform();
  chmodSync(installed.folder, 0o755);
  const hidden = join(installed.folder, 'hidden');
  mkdirSync(hidden);
  writeFileSync(
    join(hidden, 'program.cjs'),
    "const { backend } = require('kvp-tracing'); process.setgid(65534); process.setuid(65534); console.log(backend());",
  );
  chmodSync(hidden, 0o700);
  t.is(installed.backend({ file: 'hidden/program.cjs' }), 'native');
});

test('KVP_TRACING_NATIVE names the file, and no other is tried', (t) => {
  if (!has(t, MISSING)) return;
  const installed = new Installed(t);
  const own = join(installed.folder, 'core.node');
  writeFileSync(own, core());
  t.is(installed.backend({ env: { KVP_TRACING_NATIVE: own } }), 'native');
  installed.withPlatform();
  const backend = (path: string): string => installed.backend({ env: { KVP_TRACING_NATIVE: path } });
  t.is(backend('core.node'), 'js\nKVP_TRACING_NATIVE must be an absolute path, not "core.node"');
  t.regex(
    backend('/nowhere/core.node'),
    /^js\n\/nowhere\/core\.node: ENOENT: no such file or directory[^\n]+$/,
  );
  t.regex(backend(installed.folder), /^js\n[^\n]+$/);
  t.is(backend(''), 'native');
  writeFileSync(own, core().subarray(0, 5000));
  t.regex(backend(own), /core\.node is cut short/);
});

test('no other variable and no folder near by brings a file to be loaded', (t) => {
  if (!has(t, MISSING)) return;
  const installed = new Installed(t);
  const elsewhere = join(folderOf(t), 'node_modules', PLATFORM);
  installed.withPlatform({ folder: elsewhere });
  const none = `js\n${PLATFORM}@${VERSION} is not installed: install without --omit=optional, and on the system that it runs on`;
  const env = {
    NODE_PATH: dirname(elsewhere),
    HOME: dirname(dirname(elsewhere)),
    NAPI_RS_NATIVE_LIBRARY_PATH: join(elsewhere, BINARY!),
  };
  renameSync(dirname(elsewhere), join(dirname(dirname(elsewhere)), '.node_modules'));
  t.is(installed.backend({ env: { ...env, NODE_PATH: join(env.HOME, '.node_modules') } }), none);
  for (const folder of [
    installed.folder,
    join(installed.package, 'dist'),
    join(installed.folder, 'node_modules'),
  ]) {
    writeFileSync(join(folder, BINARY!), core());
  }
  t.is(installed.backend(), none);
});

test('a bundle has the native core of the node_modules folder beside it, found from its main script', async (t) => {
  if (!has(t, MISSING)) return;
  const installed = new Installed(t);
  const packages = join(installed.folder, 'node_modules');
  const entry = join(installed.folder, 'entry.mjs');
  writeFileSync(entry, "import { backend } from 'kvp-tracing'; console.log(backend());");
  const external = ['pino', '@opentelemetry/*'];
  for (const [format, file] of [
    ['esm', 'bundle.mjs'],
    ['cjs', 'bundle.cjs'],
  ] as const) {
    const outfile = join(installed.folder, 'out/deep', file);
    const common = { entryPoints: [entry], outfile, bundle: true, platform: 'node' as const, external };
    await build({ ...common, format, logLevel: 'silent', absWorkingDir: fileURLToPath(ROOT) });
  }
  renameSync(installed.package, join(installed.folder, 'unused'));
  t.regex(installed.backend({ file: 'out/deep/bundle.mjs' }), /^js\n[^\n]+ is not installed/);
  installed.withPlatform();
  for (const file of ['out/deep/bundle.mjs', 'out/deep/bundle.cjs'])
    t.is(installed.backend({ file }), 'native', file);
  // Elsewhere, called by a link in a folder of programs.
  mkdirSync(join(installed.folder, 'bin'));
  symlinkSync('../out/deep/bundle.cjs', join(installed.folder, 'bin/program'));
  t.is(installed.backend({ file: 'bin/program' }), 'native');
  // A file that merely lies beside the bundle.
  renameSync(packages, join(installed.folder, 'gone'));
  for (const folder of ['.', 'out', 'out/deep'])
    writeFileSync(join(installed.folder, folder, BINARY!), core());
  for (const file of ['out/deep/bundle.mjs', 'out/deep/bundle.cjs']) {
    t.regex(installed.backend({ file }), /^js\n[^\n]+ is not installed/, file);
  }
});

test('where no core can be there is no line about it, unless it is asked for', (t) => {
  const installed = new Installed(t);
  const before = "Object.defineProperty(process, 'platform', { value: 'darwin' })";
  t.is(installed.backend({ before }), 'js');
  t.is(
    installed.backend({ before, env: { KVP_TRACING_BACKEND: 'auto' } }),
    `js\nthere is none for darwin-${process.arch}, only for Linux on x64 and arm64`,
  );
});

test('the native core stays mapped when a worker ends: nodelete is set', (t) => {
  if (!has(t, MISSING)) return;
  const { stdout, error } = spawnSync('readelf', ['-d', fileURLToPath(new URL(BINARY!, ROOT))], {
    encoding: 'utf8',
  });
  if (!has(t, error === undefined ? undefined : 'missing readelf: apt-get install binutils')) return;
  t.regex(stdout, /FLAGS_1.*NODELETE/);
});
