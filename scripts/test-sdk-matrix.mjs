// Installs the package as users do, alone and beside each version of OpenTelemetry's SDK, and runs programs there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from './tools.mjs';

const OWN_LINE = /^kvp-tracing: (?!the id of this VM )/;
/** SDK 3 needs Node.js 22.15. */
const FOLDERS = [
  { name: 'nothing else', packages: [], node: '20', test: testAlone },
  {
    name: 'SDK 2',
    packages: ['api@~1.9.1', 'sdk-trace-base@^2.12.1', 'sdk-node@^0.223.0', 'context-async-hooks@^2.12.0'],
    node: '20',
    test: (program) => testSdk(program, 'types-2.mts'),
  },
  {
    name: 'SDK 3',
    packages: ['api@^1.10.0', 'sdk-trace@^3.1.0', 'sdk-node@^0.301.0', 'context-async-hooks@^3.1.0'],
    node: '22',
    test: (program) => testSdk(program, 'types-3.mts'),
  },
];
const ZERO_CODE = ['--import', 'kvp-tracing/register'];
const TREE = [
  'start outer',
  'start inner < outer',
  'event inner exception',
  'finish inner fail',
  'finish outer success',
];

run('node', ['scripts/pack.mjs']);
const tarballs = readdirSync('artifacts').map((file) => resolve('artifacts', file));
const { readDiagnosticsSync } = await import('kvp-tracing');
for (const { name, packages, node, test } of FOLDERS) {
  const folder = mkdtempSync(join(tmpdir(), 'kvp-sdk-'));
  try {
    console.error(`${name}, Node.js ${node}:`);
    cpSync('__test__/fixtures/sdk-matrix', folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    // One after the other: npm then has a version of everything that the package may get along with or not.
    for (const wanted of [packages.map((each) => `@opentelemetry/${each}`), tarballs]) {
      const { status, stderr } = inFolder(folder, 'npm', ['install', '--no-audit', '--no-fund', ...wanted]);
      assert.equal(status, 0, stderr);
    }
    test((...args) => runProgram(folder, node, args));
    console.error('  passed');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function inFolder(cwd, command, args, env = {}) {
  return spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, ...env } });
}

/** Runs a program by a version of Node.js; what it printed, what the package said, what its pool says. */
function runProgram(folder, node, args) {
  const pool = join(folder, 'pool');
  rmSync(pool, { force: true });
  if (args[0].endsWith('.mts')) {
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--skipLibCheck'];
    const { status, stdout } = inFolder(folder, resolve('node_modules/.bin/tsc'), [
      ...options,
      '--ignoreConfig',
      '--typeRoots',
      resolve('node_modules/@types'),
      '--types',
      'node',
      ...args,
    ]);
    return { status, stdout };
  }
  const npx = ['-y', '-p', `node@${node}`, 'node', ...args];
  const { status, stdout, stderr } = inFolder(folder, 'npx', npx, { KVP_TRACING_POOL: pool });
  assert.equal(status, 0, stderr);
  const lines = stderr.split('\n').filter((line) => OWN_LINE.test(line));
  return { stdout, lines, told: told(pool) };
}

/** What a pool says, a line each. */
function told(pool) {
  let content;
  try {
    content = readDiagnosticsSync(pool);
  } catch (error) {
    if (error.code === 'ERR_KVP_IO') return [];
    throw error;
  }
  assert.deepEqual(content.problems, []);
  const names = new Map(content.diagnostics.map(({ id, name }) => [id, name]));
  return content.diagnostics.map(({ kind, name, message, result, parent }) =>
    [kind, name, message, result, parent && `< ${names.get(parent)}`].filter(Boolean).join(' '),
  );
}

function testAlone(program) {
  const { stdout, lines, told } = program(...ZERO_CODE, 'plain.mjs');
  assert.equal(stdout, `${'a'.repeat(32)}\n`);
  assert.match(lines.join('\n'), /^kvp-tracing: .*no OpenTelemetry SDK is installed: npm install @\S+.*$/);
  assert.deepEqual(told, ['start ours', 'finish ours success']);
}

function testSdk(program, types) {
  const printed = 'inner true\nouter false\n';
  assert.deepEqual(program(types), { status: 0, stdout: '' });
  assert.deepEqual(program(...ZERO_CODE, 'zero-code.mjs'), { stdout: '', lines: [], told: TREE });
  assert.deepEqual(program('provider.mjs'), { stdout: '', lines: [], told: TREE });
  assert.deepEqual(program('node-sdk.mjs'), { stdout: printed, lines: [], told: TREE });
  assert.deepEqual(program(...ZERO_CODE, 'node-sdk.mjs'), { stdout: printed, lines: [], told: TREE });
  const { stdout, lines, told } = program(...ZERO_CODE, 'node-sdk.mjs', 'bare');
  assert.deepEqual([stdout, told], [printed, []]);
  assert.match(lines.join('\n'), /^kvp-tracing: .*add KvpSpanProcessor.*$/);
}
