// Mutation testing: changes one line of a module at a time and runs the tests that import the module. What no test
// notices is listed. `npm run mutate -- [--sample N] [--seed S] [--jobs N] [ROOM|FILE…]`
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { compileFile, compileTests } from './compile-tests.mjs';
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
/** What the names of the tests of a room or module begin with, where that is not its own name. */
const TESTS = {
  filter: ['env-filter'],
  redact: ['redact', 'secret'],
  export: ['opentelemetry', 'credential-file'],
  reporter: ['report', 'missing-folder', 'stale', 'relative-paths'],
  'safe-copy': ['redact'],
  'object-reading': ['redact', 'other-realm'],
  'object-shell': ['redact', 'other-realm'],
  'secret-name': ['secret', 'redact'],
  content: ['redact'],
  harmless: ['redact'],
  'redacted-url': ['value', 'redact'],
  event: ['value', 'tracing', 'spans'],
  failure: ['value', 'failure-reason'],
  fields: ['value', 'tracing', 'spans'],
  redactor: ['redact'],
  'at-exit': ['exits', 'signals', 'kill'],
  'signal-hub': ['signal', 'exits'],
  'filter-set': ['env-filter', 'emitting-layers', 'hostile-layers'],
  'layer-slot': ['emitting-layers', 'hostile-layers', 'tracing'],
  registry: [
    'tracing',
    'spans',
    'emitting-layers',
    'hostile-layers',
    'redact',
    'bridge-propagation',
    'env-filter-reload',
  ],
  'run-in-span': ['instrument', 'spans'],
  timers: ['fake-timers', 'export-queue'],
  performance: ['fake-timers'],
  'open-nonblocking': ['stderr', 'user-streams'],
  'print-line': ['stderr', 'exits'],
  journal: ['value', 'stderr'],
  value: ['value', 'format', 'hostile'],
  'walk-value': ['values-fuzz', 'format', 'json-layer'],
  span: ['spans', 'tracing', 'memory-of-spans'],
  'line-sink': ['user-streams', 'lines', 'stderr'],
  'line-file': ['stderr', 'log-file', 'lines'],
  'line-layer': ['lines', 'stderr', 'json-layer'],
  'open-log-file': ['log-file', 'stderr-files'],
  'stderr-layer': ['stderr', 'format', 'trace-ids'],
  'stream-events': ['user-streams'],
  'kvp-channel': ['kvp-layer', 'budget', 'missing-folder', 'durability', 'exits', 'stale'],
  'emit-kvp-layer': ['kvp-layer', 'azure-init-format'],
  'pool-shares': ['stale'],
  'pool-identity': ['pool-identity', 'relative-paths', 'report', 'stale'],
  diagnostics: ['diag', 'reader'],
  'azure-init-collector': ['azure-init', 'reader'],
  'azure-init-layout': ['azure-init', 'kvp-layer'],
  'cloud-init-collector': ['cloud-init', 'reader'],
  'xml-items': ['pool-export'],
  'xml-scanner': ['pool-export'],
  'json-items': ['pool-export'],
  'found-items': ['pool-export'],
  'json-reader': ['pool-export', 'reader'],
  'provisioning-error': ['provisioning-error', 'report'],
  'last-boot': ['summary', 'cli-show'],
  failures: ['summary'],
  writers: ['summary'],
  'stored-files': ['summary', 'cli-extract'],
  'timeline-node': ['timeline'],
  'own-times': ['timeline'],
  'critical-path': ['timeline'],
  'parent-finder': ['timeline'],
  'spans-of': ['timeline'],
  pool: ['store'],
  'fallback-writer': ['fallback', 'rewriter', 'durability'],
  appender: ['fallback', 'stale', 'durability', 'store'],
  'append-lock': ['store-locks', 'fallback'],
  'boot-time': ['stale'],
  'written-pools': ['stale'],
  edit: ['dry-run-store', 'store'],
  record: ['frame', 'diag-writer', 'store'],
  batch: ['frame', 'fallback'],
  frame: ['frame', 'kvp-layer'],
  elf: ['native-loading'],
  'load-addon': ['native-loading'],
  binding: ['native-loading', 'binding'],
  'same-file': ['stale', 'pool-identity'],
};
/** Tests that others stand for, because they build a program first. */
const LEFT_OUT = ['__test__/env-filter-oracle.test.ts'];
/** Test files that are run for a mutant: those with the name of its module or room, then the nearest to it. */
const TESTS_MAX = 12;
/** How long no test of a file may end: a mutant that loops is noticed, one that is only slow is not. */
const QUIET = '60s';
/** Milliseconds after which a file that does not even end by that is ended. */
const TIMEOUT = 300_000;
/** Survivors that are known, each with its reason: equal behaviour, or only speed. */
const KNOWN = '__test__/fixtures/mutants.json';
const FOLDER = '.mutate';

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
/** Whether test files pass without a change, the milliseconds that they took, and how many mutants of a module each noticed. */
const passing = new Map();
const durations = new Map();
const noticed = new Map();
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
  const sources = new Map(work.map(({ file }) => [file, readFileSync(file, 'utf8')]));
  const folders = Array.from({ length: Number(values.jobs) }, (_, job) =>
    compileTests(join(FOLDER, String(job))),
  );
  await Promise.all(folders.map((folder) => takeMutants(folder, sources)));
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

/** Takes mutants until there are no more, in a folder of compiled files. */
async function takeMutants(folder, sources) {
  for (let mutant = work[next++]; mutant !== undefined; mutant = work[next++]) {
    const counts = tally.get(mutant.room);
    if (known.some((each) => isSame(each, mutant))) {
      counts.known++;
      continue;
    }
    const test = await noticedBy(folder, mutant, sources.get(mutant.file));
    if (test === undefined) counts.survived.push(mutant);
    else {
      counts.caught++;
      const key = `${mutant.file} ${test}`;
      noticed.set(key, (noticed.get(key) ?? 0) + 1);
    }
    console.error(
      test === undefined ? `SURVIVED ${describe(mutant)}` : `caught   ${describe(mutant)} by ${test}`,
    );
  }
}

/** The first test file that fails twice because of a mutant, and passes without it. */
async function noticedBy(folder, mutant, source) {
  const { file, start, end, text } = mutant;
  // The native core stands for what the fallback has in TypeScript.
  const backend = /^src\/pool\/(?!native|binding)/.test(file) ? 'js' : 'native';
  const fails = async (test, changed) => {
    compileFile(folder, file, changed);
    return isFailing(folder, test, backend);
  };
  const mutated = source.slice(0, start) + text + source.slice(end);
  const isNoticed = async (test) => {
    if (passing.get(`${backend} ${test}`) === false || !(await fails(test, mutated))) return false;
    return (await passes(test, backend, () => fails(test, source))) && fails(test, mutated);
  };
  try {
    for (const test of testsOf(mutant)) if (await isNoticed(test)) return test;
    return undefined;
  } finally {
    compileFile(folder, file, source);
  }
}

/** Whether a test file passes without a change; tried once. */
async function passes(test, backend, fails) {
  const key = `${backend} ${test}`;
  if (!passing.has(key)) {
    passing.set(key, !(await fails()));
    if (!passing.get(key)) console.error(`left out, because it fails without a change: ${test}`);
  }
  return passing.get(key);
}

/** Whether a test file fails, or does not end. */
function isFailing(folder, test, backend) {
  const began = performance.now();
  const compiled = join(folder, test.replace(/\.ts$/, '.js'));
  const args = ['node_modules/ava/entrypoints/cli.mjs', '--fail-fast', `--timeout=${QUIET}`, compiled];
  return new Promise((done) => {
    const child = spawn(process.execPath, args, {
      stdio: 'ignore',
      detached: true,
      env: {
        ...process.env,
        KVP_TEST_COMPILED: folder,
        KVP_TEST_UNBUILT: 'true',
        KVP_TRACING_BACKEND: backend,
        CI: '',
      },
    });
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), TIMEOUT);
    child.once('exit', (code) => {
      clearTimeout(timer);
      if (code === 0) durations.set(test, performance.now() - began);
      done(code !== 0);
    });
  });
}

/**
 * The test files that import a mutant's module: those with its name or its room's, then the nearest. Those that noticed
 * the most of its mutants are run first, then the quickest.
 */
function testsOf({ file, room }) {
  const module = basename(file, '.ts');
  const names = [module, room, ...(TESTS[module] ?? TESTS[room] ?? [])].map((name) => `__test__/${name}`);
  const rank = (test) =>
    test.startsWith(`${names[0]}.`) ? 2 : Number(names.some((name) => test.startsWith(name)));
  const distances = new Map([[file, 0]]);
  for (const [at, distance] of distances) {
    for (const importer of imports.get(at) ?? [])
      if (!distances.has(importer)) distances.set(importer, distance + 1);
  }
  const share = (test) => noticed.get(`${file} ${test}`) ?? 0;
  const duration = (test) => durations.get(test) ?? 0;
  return [...distances]
    .filter(([at]) => at.endsWith('.test.ts') && !LEFT_OUT.includes(at))
    .sort(([a, one], [b, other]) => rank(b) - rank(a) || one - other || a.localeCompare(b))
    .slice(0, TESTS_MAX)
    .map(([at]) => at)
    .sort((a, b) => share(b) - share(a) || rank(b) - rank(a) || duration(a) - duration(b));
}

/** Who imports each file, or names it in a program that it starts; imports of types alone count for nothing. */
function importGraph() {
  const importers = new Map();
  for (const from of [...filesOf('src'), ...filesOf('__test__')]) {
    const text = readFileSync(from, 'utf8');
    const found = text.matchAll(
      /^(?:import|export)(?! type)[^;]*? from '(\.[^']+\.ts)'|import\('(\.[^']+\.ts)'\)|'(\.\/src\/[^']+\.ts|kvp-tracing)'/gm,
    );
    for (const [, statically, dynamically, named] of found) {
      if (named === 'kvp-tracing' && !from.startsWith('__test__')) continue;
      const program = named === 'kvp-tracing' ? 'src/index.ts' : named;
      const to = program ?? relative('.', resolve(dirname(from), statically ?? dynamically));
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
