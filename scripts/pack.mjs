// Leaves the tarballs of the package and of its platform packages in artifacts/: this machine's, or with --all each.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { absoluteLinks } from './absolute-links.mjs';
import { notices } from './notices.mjs';
import { output, run } from './tools.mjs';

/** The oldest glibc that a binary runs on: Debian 10's, RHEL 8's. */
const GLIBC = '2.28';
const TARGETS = {
  'linux-x64-gnu': `x86_64-unknown-linux-gnu.${GLIBC}`,
  'linux-arm64-gnu': `aarch64-unknown-linux-gnu.${GLIBC}`,
  'linux-x64-musl': 'x86_64-unknown-linux-musl',
  'linux-arm64-musl': 'aarch64-unknown-linux-musl',
};
const REPOSITORY = 'https://github.com/kvp-tracing/kvp-tracing';
const RAW = 'https://raw.githubusercontent.com/kvp-tracing/kvp-tracing';
const OUT = resolve('artifacts');
const STAGE = join(OUT, 'stage');
/** Where pip leaves cargo-zigbuild, which builds for every target and for an old glibc. */
const TOOLS = resolve('.zig/bin');

const isAll = process.argv.includes('--all');
const here = `linux-${process.arch}-${process.report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl'}`;
const hasZig = existsSync(join(TOOLS, 'cargo-zigbuild'));
if (!hasZig) {
  console.error(
    'missing cargo-zigbuild: python3 -m venv .zig && .zig/bin/pip install cargo-zigbuild ziglang',
  );
  if (isAll) process.exit(1);
  console.error("The binary needs this machine's C library or a newer one.");
}
rmSync(OUT, { recursive: true, force: true });
mkdirSync(STAGE, { recursive: true });
for (const [name, target] of Object.entries(TARGETS).filter(([name]) => isAll || name === here)) {
  packPlatform(name, target);
}
packMain();
rmSync(STAGE, { recursive: true });
for (const name of readdirSync(OUT)) console.log(`artifacts/${name}`);

function packPlatform(name, target) {
  const [triple] = target.split('.');
  run('rustup', ['target', 'add', triple]);
  const folder = join(STAGE, name);
  cpSync(`npm/${name}`, folder, { recursive: true });
  const build = hasZig ? ['zigbuild', '--target', target] : ['build', '--target', triple];
  run('cargo', [...build, '--release', '--locked', '--package', 'kvp-binding'], {
    PATH: `${TOOLS}${delimiter}${process.env.PATH}`,
    CARGO_TARGET_DIR: resolve('target/pack'),
    CARGO_ENCODED_RUSTFLAGS: flags(triple).join('\u001f'),
  });
  copyFileSync(`target/pack/${triple}/release/libkvp_binding.so`, join(folder, `kvp-tracing.${name}.node`));
  copyFileSync('LICENSE', join(folder, 'LICENSE'));
  writeFileSync(join(folder, 'NOTICES.txt'), notices(triple));
  pack(folder);
}

/** Flags by which a build has the same bytes from any folder, and a library for musl is one that is shared. */
function flags(triple) {
  const registry = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'registry/src');
  const sources = existsSync(registry) ? readdirSync(registry) : [];
  return [
    `--remap-path-prefix=${resolve('.')}=/kvp-tracing`,
    ...sources.map((folder) => `--remap-path-prefix=${join(registry, folder)}=/crates`),
    ...(triple.endsWith('musl') ? ['-Ctarget-feature=-crt-static'] : []),
  ];
}

/** The package itself: with the platform packages as its optional dependencies, and without what only its development needs. */
function packMain() {
  run('node', ['scripts/build.mjs']);
  const [{ files }] = JSON.parse(output('npm', ['pack', '--dry-run', '--json', '--silent']));
  const folder = join(STAGE, 'kvp-tracing');
  for (const { path } of files) cpSync(path, join(folder, path));
  for (const page of ['README.md', 'CHANGELOG.md']) {
    const text = absoluteLinks(readFileSync(page, 'utf8'), REPOSITORY, RAW);
    writeFileSync(join(folder, page), text);
  }
  const {
    devDependencies: _,
    scripts: _scripts,
    overrides: _overrides,
    napi: _napi,
    allowScripts: _allowScripts,
    ...manifest
  } = read('package.json');
  const platforms = Object.keys(TARGETS).map((name) => [
    read(`npm/${name}/package.json`).name,
    manifest.version,
  ]);
  manifest.optionalDependencies = Object.fromEntries(platforms);
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  pack(folder);
}

function read(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function pack(folder) {
  console.error(`packing ${basename(folder)}`);
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', OUT, folder]);
}
