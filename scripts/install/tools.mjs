// The package managers, bundlers, compilers and versions of Node.js that an installation is tried with.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Kept from one run to the next. */
export const TOOLS = resolve('.install');

const PACKAGES = {
  verdaccio: '6.0.5',
  pnpm: '10',
  yarn: '1.22.22',
  '@yarnpkg/cli-dist': '4.18.1',
  bun: '1.4.5',
  npm10: 'npm:npm@10',
  esbuild: '0.28',
  webpack: '5',
  rollup: '4',
  '@rollup/plugin-commonjs': '*',
  '@rollup/plugin-node-resolve': '*',
  '@rollup/plugin-json': '*',
  rolldown: '1',
  vite: '8',
  '@vercel/ncc': '0.45',
  postject: '1.0.0-alpha.6',
  jest: '30',
  '@types/node': '22',
  node22: `npm:node-linux-${process.arch}@22`,
  node24: `npm:node-linux-${process.arch}@24`,
  node26: `npm:node-linux-${process.arch}@26`,
  ...Object.fromEntries(
    ['5.4', '5.9', '6.0', '7.0'].map((version) => [`ts${version}`, `npm:typescript@~${version}.0`]),
  ),
};

/** Installs what is missing of them. */
export async function installTools() {
  mkdirSync(TOOLS, { recursive: true });
  const manifest = join(TOOLS, 'package.json');
  const text = JSON.stringify({
    private: true,
    dependencies: PACKAGES,
    allowScripts: { bun: true },
    overrides: { 'node-fetch': '2.7.0' },
  });
  const isNew = !existsSync(manifest) || readFileSync(manifest, 'utf8') !== text;
  writeFileSync(manifest, text);
  if (isNew)
    await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', '--force'], { cwd: TOOLS });
  for (const version of ['22', '24', '26']) {
    const link = join(TOOLS, `node${version}`);
    if (!existsSync(link)) symlinkSync(join(TOOLS, 'node_modules', `node${version}`, 'bin/node'), link);
  }
}

/** The programs of Node.js by their major version; 20 is the one that runs this. */
export const NODES = {
  [process.versions.node.split('.')[0]]: process.execPath,
  ...Object.fromEntries(['22', '24', '26'].map((version) => [version, join(TOOLS, `node${version}`)])),
};

export function bin(name) {
  return join(TOOLS, 'node_modules', name);
}

/** Runs a program to its end; resolves to what it printed, rejects with that if it fails. */
export function run(command, args, { cwd, env = {}, bare = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: bare ? env : { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 300_000,
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].on('data', (text) => (output[name] += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else
        reject(
          new Error(
            `${command} ${args.join(' ')}: ${signal ?? `exit ${code}`}\n${output.stdout}${output.stderr}`.slice(
              0,
              3000,
            ),
          ),
        );
    });
  });
}
