// Installs the package as users do, alone and beside each version of OpenTelemetry's SDK, and runs programs there, by
// each version of Node.js, as ES modules and as CommonJS. Then runs each command that the documents have for installing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from './tools.mjs';

const OWN_LINE = /^kvp-tracing: (?!the id of this VM )/;
const NODES = ['20', '22', '24', '26'];
/** SDK 3 needs Node.js 22.15. */
const FOLDERS = [
  { name: 'nothing else', packages: [], nodes: NODES, test: testAlone },
  {
    name: 'SDK 2',
    packages: ['api@~1.9.1', 'sdk-trace-base@^2.12.1', 'sdk-node@^0.223.0', 'context-async-hooks@^2.12.0'],
    nodes: NODES,
    types: 'types-2.mts',
    test: testSdk,
  },
  {
    name: 'SDK 3',
    packages: ['api@^1.10.0', 'sdk-trace@^3.1.0', 'sdk-node@^0.301.0', 'context-async-hooks@^3.1.0'],
    nodes: NODES.slice(1),
    types: 'types-3.mts',
    test: testSdk,
  },
];
const REGISTERED = ['--import', 'kvp-tracing/register'];
const REQUIRED = ['-r', 'kvp-tracing/register'];
const TREE = [
  'start outer',
  'start inner < outer',
  'event inner exception',
  'finish inner fail',
  'finish outer success',
];
const OURS = ['start outer', 'start inner < outer', 'finish inner success', 'finish outer success'];
const PRINTED = 'inner true\nouter false\n';

run('node', ['scripts/pack.mjs']);
const tarballs = readdirSync('artifacts').map((file) => resolve('artifacts', file));
const { readDiagnosticsSync } = await import('kvp-tracing');

for (const { name, packages, nodes, types, test } of FOLDERS) {
  inNewFolder((folder) => {
    // One after the other: npm then has a version of everything that the package may get along with or not.
    install(
      folder,
      nodes[0],
      packages.map((each) => `@opentelemetry/${each}`),
    );
    install(folder, nodes[0], tarballs);
    if (types !== undefined) assert.deepEqual(checkTypes(folder, types), { status: 0, stdout: '' });
    for (const node of nodes) {
      for (const file of ['run.mjs', 'run.cjs']) {
        console.error(`${name}, Node.js ${node}, ${file}:`);
        test((flags, program) => runProgram(folder, node, [...flags, file, program]));
        console.error('  passed');
      }
    }
  });
}
for (const node of NODES) {
  for (const command of documentedCommands()) {
    console.error(`${command}, Node.js ${node}:`);
    inNewFolder((folder) => {
      const names = command.replace(/^npm install /, '').split(' ');
      install(
        folder,
        node,
        names.flatMap((each) => (each === 'kvp-tracing' ? tarballs : [each])),
      );
      if (names.some((each) => each.startsWith('@opentelemetry/'))) exportsSpans(folder, node);
    });
    console.error('  passed');
  }
  console.error(`the command that a missing package is answered with, Node.js ${node}:`);
  for (const api of ['1.9', '1.10']) {
    inNewFolder((folder) => {
      install(folder, node, [...tarballs, `@opentelemetry/api@${api}`]);
      const { lines } = runProgram(folder, node, ['run.mjs', 'ownProvider'], 1);
      const [, packages] = /: npm install (.+)$/.exec(lines[0] ?? '') ?? [];
      install(folder, node, packages.split(' '));
      exportsSpans(folder, node);
    });
  }
  console.error('  passed');
}

/** The commands of README.md and docs/ that install the package, or packages of OpenTelemetry. */
function documentedCommands() {
  const pages = readdirSync('docs', { recursive: true }).filter(
    (file) => !/^(?:\.vitepress|reference\/api)\//.test(file),
  );
  const files = ['README.md', ...pages.map((file) => `docs/${file}`)];
  const texts = files.filter((file) => file.endsWith('.md')).map((file) => readFileSync(file, 'utf8'));
  const found = texts.flatMap(
    (text) => text.match(/npm install (?:kvp-tracing|@opentelemetry\/)[^\n`]*/g) ?? [],
  );
  // A command for who has the package already is run after its installation.
  return [...new Set(found.map((each) => each.replace(/^npm install (?!kvp)/, 'npm install kvp-tracing ')))];
}

function exportsSpans(folder, node) {
  const { stdout, lines, told } = runProgram(folder, node, ['run.mjs', 'ownProvider']);
  assert.deepEqual([stdout, lines, told], [PRINTED, [], ['start outer', 'finish outer success']]);
}

function inNewFolder(act) {
  const folder = mkdtempSync(join(tmpdir(), 'kvp-sdk-'));
  try {
    cpSync('__test__/fixtures/sdk-matrix', folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Installs as npm does under a version of Node.js, by which it chooses versions. */
function install(folder, node, packages) {
  if (packages.length === 0) return;
  const npm = `node "$(readlink -f "$(which npm)")" install --no-audit --no-fund ${packages.join(' ')}`;
  const { status, stderr } = inFolder(folder, 'npx', ['-y', '-p', `node@${node}`, '-c', npm]);
  assert.equal(status, 0, stderr);
}

function inFolder(cwd, command, args, env = {}) {
  return spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, ...env } });
}

function checkTypes(folder, file) {
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--skipLibCheck'];
  const types = ['--ignoreConfig', '--typeRoots', resolve('node_modules/@types'), '--types', 'node'];
  const { status, stdout } = inFolder(folder, resolve('node_modules/.bin/tsc'), [...options, ...types, file]);
  return { status, stdout };
}

/** Runs a program by a version of Node.js; what it printed, what the package said, what its pool says. */
function runProgram(folder, node, args, expected = 0) {
  const pool = join(folder, 'pool');
  rmSync(pool, { force: true });
  const npx = ['-y', '-p', `node@${node}`, 'node', ...args];
  const { status, stdout, stderr } = inFolder(folder, 'npx', npx, { KVP_TRACING_POOL: pool });
  assert.equal(status, expected, stderr);
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
  const { stdout, lines, told } = program(REGISTERED, 'plain');
  assert.equal(stdout, `${'a'.repeat(32)}\n`);
  assert.match(lines.join('\n'), /^kvp-tracing: .*no OpenTelemetry SDK is installed: npm install @\S+.*$/);
  assert.deepEqual(told, ['start ours', 'finish ours success']);
}

function testSdk(program) {
  for (const flags of [REGISTERED, REQUIRED]) {
    assert.deepEqual(program(flags, 'api'), { stdout: '', lines: [], told: TREE });
    assert.deepEqual(program(flags, 'bareNodeSdk'), { stdout: PRINTED, lines: [], told: TREE });
    assert.deepEqual(program(flags, 'nodeSdk'), { stdout: PRINTED, lines: [], told: TREE });
  }
  assert.deepEqual(program([], 'processor'), { stdout: '', lines: [], told: TREE });
  assert.deepEqual(program([], 'nodeSdk'), { stdout: PRINTED, lines: [], told: TREE });
  assert.deepEqual(program([], 'layer'), { stdout: PRINTED, lines: [], told: [] });
  const own = ['start outer', 'finish outer success'];
  assert.deepEqual(program([], 'ownProvider'), { stdout: PRINTED, lines: [], told: own });
  assert.deepEqual(program([], 'replay'), { stdout: PRINTED, lines: [], told: OURS });
}
