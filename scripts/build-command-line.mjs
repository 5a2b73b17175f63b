import { writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { build } from 'esbuild';
import { rollup } from 'rollup';
import { minified } from './minified.mjs';
import { builtin, importsOf, OUTPUT, refuse, SLOW } from './modules.mjs';
import { packageNotices } from './package-notices.mjs';

const DIST = resolve('dist');
/**
 * The parts of the command line, each one scope: the modules named here with all that they import at once and no part
 * before them has. All else is in `others`.
 */
const PARTS = {
  main: ['main'],
  info: ['commands/info', 'commands/read', 'commands/dump', 'commands/entries', 'commands/is-stale'],
  show: [
    'commands/show',
    'commands/log',
    'commands/blame',
    'commands/critical-chain',
    'commands/compare',
    '../format/value-text',
  ],
  page: ['../report-page/index'],
  replay: ['commands/replay', 'replay/replay-pools'],
  write: [
    'commands/write',
    'commands/append-multiple',
    'commands/load',
    'commands/copy',
    'commands/delete',
    'commands/clear',
    'commands/repair',
    'commands/inspect',
    'commands/report',
  ],
  rest: [
    'commands/doctor',
    'doctor/host-checks',
    'doctor/pool-checks',
    'doctor/backend-checks',
    'doctor/collector-check',
    'commands/extract',
    'commands/fleet',
    'fleet-workers',
  ],
  // Needs packages that need not be installed, so nothing else may load it.
  forward: ['../opentelemetry/replay/otlp-target', '../opentelemetry/replay/replay'],
};
/** The files, with their parts. Node.js reads all of a file before it runs any of it. */
const FILES = {
  'main.cjs': ['main', 'info'],
  'reading.cjs': ['show'],
  'report-page.cjs': ['page'],
  'others.cjs': ['replay', 'write', 'rest', 'forward', 'others'],
};
/** What only some commands need of Node.js is loaded by them. */
const LATE = new Set([...SLOW, 'os', 'timers/promises', 'tls', 'worker_threads']);

/**
 * Makes the command line, `dist/cli/main.cjs`, and the three files beside it: few files start sooner than many, one scope
 * sooner than one for each module, less code sooner than more, and CommonJS sooner than modules. Beside them are the
 * licences of what is in them.
 */
export async function buildCommandLine() {
  const commander = await build({
    stdin: { contents: "export * from 'commander';", resolveDir: '.' },
    plugins: [WITHOUT_CHILD_PROCESSES],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    metafile: true,
    write: false,
  });
  const homes = homesOf(PARTS);
  const bundle = await rollup({
    input: { main: moduleOf('main') },
    plugins: [resolver(homes, commander.outputFiles[0].text)],
    treeshake: { propertyReadSideEffects: false, moduleSideEffects: (id) => !id.startsWith('\0builtin:') },
    onwarn: refuse,
  });
  const { output } = await bundle.generate({
    ...OUTPUT,
    entryFileNames: '[name]',
    chunkFileNames: '[name]',
    manualChunks: (id) => homes.get(id) ?? id.split('?')[1] ?? (id === COMMANDER ? 'main' : 'others'),
  });
  const parts = new Map(output.map(({ fileName, code }) => [fileName, code.replace(/^#!.*\n/, '')]));
  /** In which file a part is that is not in the first. */
  const places = Object.fromEntries(
    Object.entries(FILES)
      .slice(1)
      .flatMap(([file, names]) => names.map((name) => [`./${name}`, `./${file}`])),
  );
  for (const [file, names] of Object.entries(FILES)) {
    const functions = names.map(
      async (name) =>
        `${JSON.stringify(`./${name}`)}(module,exports,require){${await minified(parts.get(name) ?? missing(name))}}`,
    );
    const code = `const parts={${(await Promise.all(functions)).join(',')}};`;
    const isMain = file === 'main.cjs';
    writeFileSync(
      `dist/cli/${file}`,
      isMain
        ? `#!/usr/bin/env node\n${code}\nconst places=${JSON.stringify(places)};${LOAD}`
        : `${code}module.exports=parts;`,
    );
  }
  writeFileSync(
    'dist/cli/NOTICES.txt',
    packageNotices('The command line has', Object.keys(commander.metafile.inputs)),
  );
}

/** Runs a part when it is first required, and reads another file when a part of it is. */
const LOAD = `
const loaded=new Map;
const load=(name)=>{
  let module=loaded.get(name);
  if(module)return module.exports;
  loaded.set(name,module={exports:{}});
  const run=parts[name]??require(places[name])[name];
  run(module,module.exports,(id)=>id.startsWith("./")?load(id):require(id));
  return module.exports;
};
load("./main");
`;

function missing(name) {
  throw new Error(`there is no part ${name}`);
}

function moduleOf(name) {
  return resolve(DIST, 'cli', `${name}.js`);
}

/** The part of each module. */
function homesOf(parts) {
  const homes = new Map();
  for (const [part, names] of Object.entries(parts)) {
    const own = new Set(names.map(moduleOf));
    for (const module of own) {
      if (homes.has(module)) continue;
      homes.set(module, part);
      for (const imported of importsOf(module)) own.add(imported);
    }
  }
  return homes;
}

const COMMANDER = '\0commander';

function resolver(homes, commander) {
  return {
    name: 'command line',
    resolveId(source, importer) {
      if (source === 'commander') return COMMANDER;
      // Each part has its own.
      if (source.startsWith('node:'))
        return importer === COMMANDER
          ? { id: source, external: true }
          : `\0builtin:${source.slice(5)}?${homes.get(importer) ?? 'others'}`;
      if (source.startsWith('/')) return source;
      if (!source.startsWith('.')) return { id: source, external: true, moduleSideEffects: false };
      return resolve(dirname(importer), source);
    },
    load(id) {
      if (id === COMMANDER) return commander;
      return id.startsWith('\0builtin:')
        ? builtin(id.slice('\0builtin:'.length).split('?')[0], LATE)
        : undefined;
    },
    resolveImportMeta: (property) =>
      property === 'filename' ? '__filename' : 'require("node:url").pathToFileURL(__filename).href',
  };
}

/** Commander requires it for commands that are programs of their own, of which there are none; loading it takes long. */
const WITHOUT_CHILD_PROCESSES = {
  name: 'without child processes',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, () => ({ path: 'none', namespace: 'none' }));
    onLoad({ filter: /^/, namespace: 'none' }, () => ({ contents: '' }));
  },
};
