// A registry on this machine that has the tarballs in artifacts/, and everything else from the registry of npm.
import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { run, TOOLS } from './tools.mjs';

/** Starts it with nothing in it, publishes the tarballs, and returns its address and what stops it. */
export async function startRegistry(folder, upstream) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const config = join(folder, 'verdaccio.json');
  const all = { access: '$all', publish: '$all', unpublish: '$all' };
  writeFileSync(
    config,
    JSON.stringify({
      storage: join(folder, 'storage'),
      uplinks: { upstream: { url: upstream, timeout: '5m', cache: false } },
      packages: { 'kvp-tracing*': all, '**': { ...all, proxy: 'upstream' } },
      max_body_size: '100mb',
      log: { type: 'file', path: join(folder, 'verdaccio.log'), level: 'warn' },
    }),
  );
  const program = join(TOOLS, 'node_modules/verdaccio/bin/verdaccio');
  const server = spawn(process.execPath, [program, '--config', config, '--listen', `127.0.0.1:${port}`], {
    stdio: 'ignore',
  });
  for (let tries = 0; !(await answers(url)); tries++) {
    if (tries > 300 || server.exitCode !== null) throw new Error('verdaccio does not start');
    await setTimeout(200);
  }
  for (const tarball of readdirSync('artifacts').filter((name) => name.endsWith('.tgz'))) {
    const token = `--//127.0.0.1:${port}/:_authToken=none`;
    await run('npm', ['publish', resolve('artifacts', tarball), '--registry', url, token], { cwd: folder });
  }
  return { url, stop: () => server.kill() };
}

async function answers(url) {
  try {
    return (await fetch(`${url}-/ping`)).ok;
  } catch {
    return false;
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
