// Installs the package as users do, alone, beside each version of OpenTelemetry's SDK and beside all of OpenTelemetry's
// instrumentations, and runs programs there, by each version of Node.js, as ES modules and as CommonJS. Then runs each
// command that the documents have for installing. `-- NAME` runs the folders whose names have that in them, or `commands`.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { output, run } from './tools.mjs';

const OWN_LINE = /^kvp-tracing: (?!the id of this VM )/;
const NODES = ['20', '22', '24', '26'];
/** What the programs of services.cjs need. */
const SERVICES = ['express@5', 'fastify@5', 'undici@7'];
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
  {
    name: 'all instrumentations, SDK 2',
    packages: ['api@~1.9.1', 'auto-instrumentations-node@~0.81.2', ...SERVICES],
    nodes: NODES,
    test: testServices,
  },
  {
    name: 'all instrumentations, SDK 3',
    packages: ['api@^1.10.0', 'auto-instrumentations-node@^0.82.0', ...SERVICES],
    nodes: NODES.slice(1),
    test: testServices,
  },
];
const INSTRUMENTATIONS = '@opentelemetry/auto-instrumentations-node';
/** By which instrumentations see ES modules. */
const HOOK = ['--no-warnings', '--experimental-loader', '@opentelemetry/instrumentation/hook.mjs'];
/** How often each of two servers got `traceparent` and `tracestate`. */
const SINGLE = '1 0, 1 0';
/** The spans of requests, and ours inside of those of servers. */
const SERVED = /(?:GET(?: \/\S+)?|handle) \((?:client|server|internal) of \w+\)/g;
const HOPS = [
  'GET (client of caller)',
  'GET /users/:id (server of express)',
  'handle (internal of express)',
  'GET (client of express)',
  'GET (server of fastify)',
  'handle (internal of fastify)',
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
const npm = realpathSync(output('which', ['npm']).trim());
const programs = new Map(NODES.map((node) => [node, programOf(node)]));
const { readDiagnosticsSync } = await import('kvp-tracing');
const { Rotel, rotelMissing } = await import('../__test__/helpers/rotel.ts');
const { serve, treesIn, treesOf } = await import('../__test__/helpers/services.ts');

const asked = process.argv.slice(2).join(' ');
for (const { name, packages, nodes, types, test } of FOLDERS.filter(({ name }) => name.includes(asked))) {
  await inNewFolder(async (folder) => {
    // One after the other: npm then has a version of everything that the package may get along with or not.
    install(
      folder,
      nodes[0],
      packages.map((each) => (SERVICES.includes(each) ? each : `@opentelemetry/${each}`)),
    );
    install(folder, nodes[0], tarballs);
    if (types !== undefined) assert.deepEqual(checkTypes(folder, types), { status: 0, stdout: '' });
    for (const node of nodes) {
      for (const file of ['run.mjs', 'run.cjs']) {
        console.error(`${name}, Node.js ${node}, ${file}:`);
        await test((flags, program) => runProgram(folder, node, [...flags, file, program]), {
          folder,
          node,
          file,
        });
        console.error('  passed');
      }
    }
  });
}
for (const node of 'commands'.includes(asked) ? NODES : []) {
  for (const command of documentedCommands()) {
    console.error(`${command}, Node.js ${node}:`);
    await inNewFolder((folder) => {
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
    await inNewFolder((folder) => {
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
  const pages = readdirSync('docs', { recursive: true }).filter((file) => /^(?!api|\.).*\.md$/.test(file));
  const files = ['README.md', ...pages.map((file) => `docs/${file}`)];
  const texts = files.map((file) => readFileSync(file, 'utf8'));
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

async function inNewFolder(act) {
  const folder = mkdtempSync(join(tmpdir(), 'kvp-sdk-'));
  try {
    cpSync('__test__/fixtures/sdk-matrix', folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Installs as npm does under a version of Node.js, by which it chooses versions. */
function install(folder, node, packages) {
  if (packages.length === 0) return;
  const args = [npm, 'install', '--no-audit', '--no-fund', ...packages];
  const { status, stderr } = inFolder(folder, programs.get(node), args);
  assert.equal(status, 0, stderr);
}

/** Where a version of Node.js is, of the registry. */
function programOf(node) {
  return output('npx', ['-y', '-p', `node@${node}`, 'node', '-p', 'process.execPath']).trim();
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
  const env = { KVP_TRACING_POOL: pool };
  const { status, stdout, stderr } = inFolder(folder, programs.get(node), args, env);
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

/** Servers and clients that all of OpenTelemetry's instrumentations trace, with spans of ours inside of theirs. */
async function testServices(_, { folder, node, file }) {
  if (rotelMissing !== undefined) throw new Error(rotelMissing);
  const flags =
    file === 'run.cjs'
      ? [...REQUIRED, '-r', `${INSTRUMENTATIONS}/register`]
      : [...HOOK, ...REGISTERED, '--import', `${INSTRUMENTATIONS}/register`];
  const ends = [];
  const rotel = await Rotel.start({ teardown: (end) => ends.push(end) });
  const pool = join(folder, 'pool');
  try {
    // The bridges beside them add spans, but no headers.
    for (const bridges of [undefined, '{"http":true,"undici":true,"httpServer":true}']) {
      rmSync(pool, { force: true });
      const common = { KVP_TRACING_POOL: pool, OTEL_EXPORTER_OTLP_ENDPOINT: rotel.endpoint };
      if (bridges !== undefined) common.BRIDGES = bridges;
      const { answers, stderr } = await serve((name, env) =>
        spawn(programs.get(node), [...flags, file, name], {
          cwd: folder,
          env: {
            ...process.env,
            ...common,
            OTEL_METRICS_EXPORTER: 'none',
            SERVICE: name,
            OTEL_SERVICE_NAME: name,
            ...env,
          },
        }),
      );
      assert.deepEqual(answers, { fetch: SINGLE, undici: SINGLE, http: SINGLE });
      const lines = stderr.split('\n').filter((line) => OWN_LINE.test(line));
      if (bridges !== undefined) {
        for (const line of lines) assert.match(line, /another context manager is registered/);
        continue;
      }
      assert.deepEqual(lines, []);
      const trees = treesOf(await rotel.received(30));
      assert.deepEqual(treesIn(pool), trees);
      const own = trees.filter((tree) => tree.includes('of caller'));
      assert.deepEqual(
        own.map((tree) => tree.split(' ')[0]),
        ['fetch', 'http', 'undici'],
      );
      for (const tree of own) assert.deepEqual(tree.match(SERVED), HOPS, tree);
    }
  } finally {
    for (const end of ends) await end();
  }
}
