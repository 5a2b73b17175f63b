import { spawnSync } from 'node:child_process';
import { delimiter, resolve } from 'node:path';

/** Runs a command, the project's own tools first, and ends this process with its status if that is not 0. */
export function run(command, args, env = {}) {
  const path = `${resolve('node_modules/.bin')}${delimiter}${process.env.PATH}`;
  const { status, error } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...process.env, PATH: path, ...env },
  });
  if (error !== undefined) {
    console.error(`${command}: ${error.message}`);
    process.exit(1);
  }
  if (status !== 0) process.exit(status ?? 1);
}

/** What a command prints; ends this process if it fails. */
export function output(command, args) {
  const { status, error, stdout } = spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status === 0) return stdout;
  console.error(`${command} ${args[0]} failed${error === undefined ? '' : `: ${error.message}`}`);
  process.exit(1);
}

/** Why the native core can't be built here, or `undefined` if it can. */
export function nativeObstacle() {
  if (process.platform !== 'linux') return `it is for Linux, not ${process.platform}`;
  const { error, status } = spawnSync('cargo', ['--version'], { stdio: 'ignore' });
  return error === undefined && status === 0 ? undefined : 'cargo is not installed (https://rustup.rs)';
}
