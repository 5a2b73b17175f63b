import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { Check } from '../src/cli/doctor/check.ts';
import { checkOf, environment, poolIn } from './helpers/doctor.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';

test('which writer is used, and why not the native core', async (t) => {
  const { folder } = poolIn(t);
  const env = (backend: string, more: NodeJS.ProcessEnv = {}): object => ({
    env: environment({ KVP_TRACING_BACKEND: backend, ...more }),
  });
  t.like(await checkOf('backend', folder, env('js')), { status: 'ok' });
  t.like(await checkOf('backend', folder, env('rust')), {
    status: 'error',
    message: 'KVP_TRACING_BACKEND must be native, js or auto, not "rust"',
  });
  // What the package is where there is no core for the system: without the file of the core.
  const root = fileURLToPath(ROOT);
  const copy = folderOf(t);
  spawnSync('cp', ['-r', join(root, 'dist'), copy]);
  copyFileSync(join(root, 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const call = [join(copy, 'dist/cli/main.cjs'), 'doctor', '--json', '--dir', folder];
  for (const [backend, status] of [
    ['auto', 'warning'],
    ['native', 'error'],
  ] as const) {
    const { stdout } = spawnSync(process.execPath, call, {
      encoding: 'utf8',
      env: environment({ KVP_TRACING_BACKEND: backend }),
    });
    const { checks } = JSON.parse(stdout) as { checks: Check[] };
    const check = checks.find(({ name }) => name === 'backend');
    t.is(check?.status, status);
    t.regex(check?.message ?? '', /the native core can't be loaded: .*: /);
  }
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  t.like(await checkOf('flock', folder, env('js', { PATH: bin })), {
    status: 'error',
    fix: 'apt-get install util-linux',
  });
});

/** A server that counts what it gets. */
async function server(
  t: ExecutionContext,
): Promise<{ server: Server; port: number; received: () => number }> {
  let bytes = 0;
  const listening = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => (bytes += data.length));
  });
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  t.teardown(() => listening.close());
  return { server: listening, port: (listening.address() as { port: number }).port, received: () => bytes };
}

test('whether the collector takes a connection; nothing is sent, and no password printed', async (t) => {
  const { folder } = poolIn(t);
  const { port, received } = await server(t);
  const check = async (endpoint: string, more: NodeJS.ProcessEnv = {}): Promise<Check> => {
    const env = environment({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...more });
    const found = await checkOf('collector', folder, { env });
    t.false(JSON.stringify(found).includes('hunter2'));
    return found;
  };
  t.like(await check(`http://user:hunter2@127.0.0.1:${port}/?token=hunter2`), {
    status: 'ok',
    message: `http://127.0.0.1:${port} takes a connection`,
  });
  t.is(received(), 0);
  const refused = await check('http://user:hunter2@127.0.0.1:1');
  t.is(refused.status, 'error');
  t.regex(refused.message, /^http:\/\/127\.0\.0\.1:1 can't be reached: .*ECONNREFUSED/);
  t.like(await check('ftp://user:hunter2@host'), { status: 'error' });
  // It takes the connection, and answers nothing in TLS.
  const silent = await check(`https://user:hunter2@127.0.0.1:${port}`);
  t.regex(silent.message, /can't be reached: no answer within 2 s$/);
});
