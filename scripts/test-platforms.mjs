// Runs the core of the suite by other programs than Node.js for this machine: `npm run test:platforms [-- NAME…]`.
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { TestCounts } from './count-tests.mjs';
import { bin, installTools } from './install/tools.mjs';
import { emulated, foreignNode, muslNode } from './platforms/machines.mjs';
import { ARM64, CORE, differing } from './platforms/parts.mjs';
import { runSuite } from './suite.mjs';
import { run } from './tools.mjs';

const PRELOAD = resolve('scripts/platforms/runtime.mjs');

/** Each has a command that takes the place of Node.js, the native core it needs besides this machine's, and what it runs. */
const PLATFORMS = {
  bun: { command: () => [join(bin('bun'), 'bin/bun.exe'), '--preload', PRELOAD], includes: CORE },
  deno: {
    command: () => [
      process.execPath,
      join(bin('deno'), 'bin.cjs'),
      'run',
      '--allow-all',
      '--no-code-cache',
      '--preload',
      PRELOAD,
    ],
    includes: CORE,
  },
  'musl-22': { command: () => [muslNode('x64', '22')], core: 'linux-x64-musl', includes: CORE },
  'musl-24': { command: () => [muslNode('x64', '24')], core: 'linux-x64-musl', includes: CORE },
  arm64: {
    command: () => emulated('arm64', foreignNode('arm64', '22')),
    core: 'linux-arm64-gnu',
    includes: ARM64,
  },
  'arm64-musl': {
    command: () => emulated('arm64', muslNode('arm64', '24')),
    core: 'linux-arm64-musl',
    includes: ARM64,
  },
};

/** Counts a test that is known to fail on a platform as left out, with the reason. */
class DifferingCounts extends TestCounts {
  constructor(reasons) {
    super();
    this.known = reasons;
  }

  fail(title) {
    const found = this.known.find(([pattern]) => pattern.test(title));
    if (found === undefined) return super.fail(title);
    this.told++;
    this.leaveOut(`${title}: ${found[1]}`);
  }
}

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(PLATFORMS, name));
if (unknown !== undefined) {
  console.error(`there is no platform ${unknown}: ${Object.keys(PLATFORMS).join(', ')}`);
  process.exit(2);
}
await installTools();
const results = [];
for (const name of asked.length > 0 ? asked : Object.keys(PLATFORMS))
  results.push([name, await tested(name)]);
for (const [name, counts] of results) {
  console.log(`${name}:`);
  counts.print();
}
process.exitCode = results.some(([, { failed }]) => failed > 0) ? 1 : 0;

async function tested(name) {
  const { command, core, includes } = PLATFORMS[name];
  const [program, ...options] = command();
  const counts = new DifferingCounts(differing(name));
  const file = core === undefined ? undefined : `kvp-tracing.${core}.node`;
  if (file !== undefined) unpackCore(core, file);
  console.error(`${name}:`);
  try {
    await runSuite(counts, ['native', 'js'], [program, ...options], includes);
  } finally {
    if (file !== undefined) rmSync(file);
  }
  return counts;
}

/** Puts the native core of a tarball of `npm run pack:all` beside package.json, where a build would. */
function unpackCore(core, file) {
  const tarball = existsSync('artifacts')
    ? readdirSync('artifacts').find((name) => name.startsWith(`kvp-tracing-${core}-`))
    : undefined;
  if (tarball === undefined) {
    console.error(`missing kvp-tracing-${core} in artifacts/: npm run pack:all`);
    process.exit(1);
  }
  const folder = mkdtempSync(join(tmpdir(), 'kvp-core-'));
  run('tar', ['xzf', join('artifacts', tarball), '-C', folder]);
  copyFileSync(join(folder, 'package', file), file);
  rmSync(folder, { recursive: true });
}
