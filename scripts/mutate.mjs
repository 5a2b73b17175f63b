// Mutation testing: changes one line of a module at a time and runs the tests that import the module. What no test
// notices is listed. `npm run mutate -- [--sample N] [--seed S] [--jobs N] [ROOM|FILE…]`
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { mutantsOf } from './mutants.mjs';

/** The rooms whose mutants must be caught, and how many of a hundred. */
const ROOMS = {
  pool: ['src/pool'],
  tracing: ['src/tracing'],
  filter: ['src/filter'],
  diagnostics: ['src/diagnostics'],
  layers: ['src/layers'],
  redact: ['src/tracing/redactor.ts', 'src/tracing/secret-name.ts', 'src/tracing/safe-copy.ts'],
  export: ['src/opentelemetry/export/export-queue.ts', 'src/opentelemetry/export/otlp-exporter.ts'],
  reporter: ['src/setup/reporter.ts'],
};
const GOAL = 85;
/** Test files that are run for a mutant: those with the name of its module, then the nearest to it. */
const TESTS_MAX = 12;
/** Milliseconds for the tests of one mutant: one that never ends is noticed. */
const TIMEOUT = 120_000;
/** Survivors that are known, each with its reason: equal behaviour, or only speed. */
const KNOWN = '__test__/fixtures/mutants.json';
const FOLDER = resolve('.mutate');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    list: { type: 'boolean', default: false },
  },
});

const known = existsSync(KNOWN) ? JSON.parse(readFileSync(KNOWN, 'utf8')) : [];
const imports = importGraph();
const rooms = positionals.length === 0 ? Object.keys(ROOMS) : positionals;
const tally = new Map(rooms.map((room) => [room, { caught: 0, known: 0, survived: [] }]));
let next = 0;
/** Whether test files pass without a change. */
const passing = new Map();
const work = rooms.flatMap((room) => {
  const files = (ROOMS[room] ?? [room]).flatMap(filesOf);
  const all = files.flatMap((file) =>
    mutantsOf(file, readFileSync(file, 'utf8')).map((mutant) => ({ room, file, ...mutant })),
  );
  return values.sample === undefined ? all : sampleOf(all, Number(values.sample), Number(values.seed));
});
if (values.list) for (const mutant of work) console.log(describe(mutant));
else process.exitCode = await run();

/** Tries all mutants; 0 if enough of each room were caught. */
async function run() {
  rmSync(FOLDER, { recursive: true, force: true });
  await Promise.all(Array.from({ length: Number(values.jobs) }, (_, job) => takeMutants(copyOf(job))));
  rmSync(FOLDER, { recursive: true, force: true });

  let isGood = true;
  for (const [room, { caught, known: reasoned, survived }] of tally) {
    const total = caught + survived.length;
    const share = total === 0 ? 100 : Math.floor((caught * 100) / total);
    isGood &&= share >= GOAL;
    console.log(`\n${room}: ${caught} of ${total} caught (${share} %), ${reasoned} known to be equal`);
    for (const mutant of survived) console.log(`  ${describe(mutant)}`);
  }
  return isGood ? 0 : 1;
}

/** Takes mutants until there are no more, in a copy of the project. */
async function takeMutants(folder) {
  for (let mutant = work[next++]; mutant !== undefined; mutant = work[next++]) {
    const counts = tally.get(mutant.room);
    if (known.some((each) => isSame(each, mutant))) {
      counts.known++;
      continue;
    }
    const path = join(folder, mutant.file);
    const source = readFileSync(mutant.file, 'utf8');
    const tests = await usableTests(folder, mutant.file);
    writeFileSync(path, source.slice(0, mutant.start) + mutant.text + source.slice(mutant.end));
    const isCaught = tests.length > 0 && (await fails(folder, tests, backendFor(mutant.file)));
    writeFileSync(path, source);
    if (isCaught) counts.caught++;
    else counts.survived.push(mutant);
    console.error(`${isCaught ? 'caught  ' : 'SURVIVED'} ${describe(mutant)}`);
  }
}

/** The tests of a module that pass without a change, the nearest to it first. */
async function usableTests(folder, file) {
  const usable = [];
  for (const test of testsOf(file)) if (await passes(folder, test, backendFor(file))) usable.push(test);
  return usable;
}

/** Whether a test file passes without a change; tried once. */
function passes(folder, test, backend) {
  const key = `${backend} ${test}`;
  if (!passing.has(key)) {
    const passed = fails(folder, [test], backend).then((failed) => !failed);
    passing.set(key, passed);
    void passed.then((is) => is || console.error(`left out, because it fails without a change: ${test}`));
  }
  return passing.get(key);
}

function backendFor(file) {
  return file.startsWith('src/pool/fallback') ? 'js' : 'native';
}

/** Whether a test fails, or does not end. */
function fails(folder, tests, backend) {
  return new Promise((done) => {
    const child = spawn(process.execPath, ['node_modules/ava/entrypoints/cli.mjs', '--fail-fast', ...tests], {
      cwd: folder,
      stdio: 'ignore',
      detached: true,
      env: { ...process.env, KVP_TRACING_BACKEND: backend, CI: '' },
    });
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), TIMEOUT);
    child.once('exit', (code) => {
      clearTimeout(timer);
      done(code !== 0);
    });
  });
}

/** The test files that import a module: those with its name, then the nearest. */
function testsOf(file) {
  const isNamed = (test) => test.startsWith(`__test__/${basename(file, '.ts')}`);
  const distances = new Map([[file, 0]]);
  for (const [at, distance] of distances) {
    for (const importer of imports.get(at) ?? [])
      if (!distances.has(importer)) distances.set(importer, distance + 1);
  }
  return [...distances]
    .filter(([at]) => at.endsWith('.test.ts'))
    .sort(([a, one], [b, other]) => isNamed(b) - isNamed(a) || one - other || a.localeCompare(b))
    .slice(0, TESTS_MAX)
    .map(([at]) => at);
}

/** Who imports each file, or names it in a program that it starts; imports of types alone count for nothing. */
function importGraph() {
  const importers = new Map();
  for (const from of [...filesOf('src'), ...filesOf('__test__')]) {
    const text = readFileSync(from, 'utf8');
    const found = text.matchAll(
      /^(?:import|export)(?! type)[^;]*? from '(\.[^']+\.ts)'|import\('(\.[^']+\.ts)'\)|'(\.\/src\/[^']+\.ts)'/gm,
    );
    for (const [, statically, dynamically, named] of found) {
      const to = named ?? relative('.', resolve(dirname(from), statically ?? dynamically));
      const path = relative('.', resolve(to));
      importers.set(path, [...(importers.get(path) ?? []), from]);
    }
  }
  return importers;
}

function filesOf(path) {
  if (path.endsWith('.ts')) return [path];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'fixtures') return [];
    const child = join(path, entry.name);
    if (entry.isDirectory()) return filesOf(child);
    return child.endsWith('.ts') && !child.endsWith('.d.ts') ? [child] : [];
  });
}

/** The project without what git does not know, but for what was built and installed. */
function copyOf(job) {
  const folder = join(FOLDER, String(job));
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync('.')) {
    if (['.git', '.mutate', 'target', 'artifacts'].includes(name)) continue;
    if (['node_modules', '.rotel', '.duckdb'].includes(name)) symlinkSync(resolve(name), join(folder, name));
    else cpSync(name, join(folder, name), { recursive: true });
  }
  return folder;
}

/** So many of a list, the same ones for the same seed. */
function sampleOf(list, count, seed) {
  let state = seed >>> 0;
  const random = () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const rest = [...list];
  return Array.from(
    { length: Math.min(count, list.length) },
    () => rest.splice(Math.floor(random() * rest.length), 1)[0],
  );
}

function describe({ file, line, was, text }) {
  const shown = (part) => (part.length > 60 ? `${part.slice(0, 60)}…` : part).replaceAll(/\s+/g, ' ');
  return `${file}:${line} ${shown(was)} → ${shown(text)}`;
}

/** Known survivors are told by the code of their line, not by its number. */
function isSame(each, { file, code, was, text }) {
  return each.file === file && each.code === code && each.was === was && each.text === text;
}
