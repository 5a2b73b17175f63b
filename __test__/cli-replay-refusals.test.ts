import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { environment, PROGRAM } from './helpers/kvp.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';
import { poolOf, replay } from './helpers/replaying.ts';

test('what is wrong with the call is said in a line', async (t) => {
  const folder = folderOf(t);
  const pool = poolOf(folder, 1);
  const said = async (...args: string[]) => {
    const { status, stderr } = await replay([...args, pool]).done;
    return `${status} ${stderr}`;
  };
  t.regex(
    await said(),
    /^2 give --endpoint, as http:\/\/localhost:4318, or set OTEL_EXPORTER_OTLP_ENDPOINT\n$/,
  );
  t.regex(await said('--endpoint', 'ftp://x'), /^2 .*It must be a URL of http or https\.\n$/);
  t.regex(
    await said('--endpoint', 'http://localhost:1', '--attribute', 'x'),
    /^2 .*It must be name=value\.\n$/,
  );
  for (const [path, ...args] of [[pool], [folder], ['-'], [pool, '--dry-run']] as [string, ...string[]][]) {
    const { status, stderr } = await replay([
      '--dir',
      folder,
      '--endpoint',
      'http://localhost:1',
      ...args,
      path,
    ]).done;
    t.is(`${status} ${stderr}`, '2 a path and --dir exclude each other\n');
  }
});

test('without the packages of OpenTelemetry one line says what to install', async (t) => {
  const folder = folderOf(t);
  const modules = join(folder, 'node_modules');
  for (const part of ['dist', 'package.json']) {
    cpSync(new URL(part, ROOT), join(modules, 'kvp-tracing', part), { recursive: true });
  }
  const pool = poolOf(folder, 1);
  const program = join(modules, 'kvp-tracing/dist/cli/main.cjs');
  const run = () =>
    replay(['--endpoint', 'http://127.0.0.1:1', pool], { program, env: { KVP_TRACING_BACKEND: 'js' } }).done;
  const said = (name: string, wanted = name) => `exporting needs ${name}: npm install ${wanted}\n`;
  t.like(await run(), { status: 3, stderr: said('@opentelemetry/api') });
  mkdirSync(join(modules, '@opentelemetry'));
  symlinkSync(new URL('node_modules/@opentelemetry/api', ROOT), join(modules, '@opentelemetry/api'));
  t.like(await run(), {
    status: 3,
    stderr: said('@opentelemetry/otlp-transformer', '@opentelemetry/otlp-transformer@0.223'),
  });
});

test('what Object.prototype has is no variable of the environment', (t) => {
  const folder = folderOf(t);
  const pool = poolOf(folder, 1);
  const polluted = join(folder, 'polluted.cjs');
  const variables = {
    COLUMNS: '20',
    FORCE_COLOR: '1',
    LC_ALL: 'x',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:9',
  };
  writeFileSync(
    polluted,
    `for (const [name, value] of Object.entries(${JSON.stringify(variables)})) {
      Object.defineProperty(Object.prototype, name, { value, writable: true });
    }`,
  );
  const {
    LC_ALL: _1,
    OTEL_EXPORTER_OTLP_ENDPOINT: _2,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: _3,
    ...rest
  } = environment();
  const run = (node: string[], ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [...node, PROGRAM, ...args], {
      env: { ...rest, LANG: 'C.UTF-8' },
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };
  for (const args of [
    ['replay', pool],
    ['show', pool],
    ['fleet', pool],
  ]) {
    t.deepEqual(run(['--require', polluted], ...args), run([], ...args), args.join(' '));
  }
  t.regex(run(['--require', polluted], 'replay', pool).stderr, /^give --endpoint/);
  const { checks } = JSON.parse(run(['--require', polluted], 'doctor', '--dir', folder, '--json').stdout) as {
    checks: { name: string; status: string }[];
  };
  t.is(checks.find(({ name }) => name === 'collector')?.status, 'skipped');
});
