// Makes what programs import of the modules in dist/, and the command line: a few files of CommonJS.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { rollup } from 'rollup';
import { COMMANDER, commander } from './commander.mjs';
import { builtin, importsOf, OUTPUT, refuse, SLOW } from './modules.mjs';
import { minified } from './minified.mjs';

const DIST = resolve('dist');
/** What programs name. */
export const ENTRIES = {
  index: 'index',
  opentelemetry: 'opentelemetry/index',
  register: 'opentelemetry/register',
  pino: 'pino/index',
  'report-page/index': 'report-page/index',
};
/** These, the command line, and the thread of `kvp fleet`. */
const FILES = { ...ENTRIES, 'cli/main': 'cli/main', 'cli/fleet-worker': 'cli/fleet-worker' };
/**
 * The files that are loaded when a function of these modules is first called, or a class of theirs made: until then
 * functions of the same names stand for them. All else that the main entry imports is in `core`, which is loaded at once.
 */
const ROOMS = {
  setup: [
    'diagnostics/vm-id',
    'diagnostics/write/diag-layout',
    'diagnostics/write/reason-members',
    'filter/directive',
    'format/compact-format',
    'format/full-format',
    'format/pretty-format',
    'layers/kvp-channel',
    'layers/line-file',
    'setup/initialize-tracing',
    'tracing/redactor',
    'tracing/safe-copy',
  ],
  // What only some programs set up, or change later.
  extras: [
    'diagnostics/write/azure-init-layout',
    'filter/reload',
    'layers/line-sink',
    'setup/reload-outputs',
    'tracing/signals',
  ],
  // `initializeTracing` loads it itself, once the program runs.
  report: ['diagnostics/report/report', 'layers/pool-shares', 'setup/reporter'],
  pools: ['pool/edit', 'pool/open-pool', 'pool/read-pool'],
  // What changes bytes of a pool in JavaScript.
  fallback: ['pool/dry-run-store', 'pool/fallback/fallback-store', 'pool/fallback/fallback-writer'],
  reading: [
    'diagnostics/collect/azure-init-collector',
    'diagnostics/collect/cloud-init-collector',
    'diagnostics/collect/diag-collector',
    'diagnostics/read/pool-export',
    'diagnostics/read/read-diagnostics',
    'diagnostics/report/supporting-data',
    'diagnostics/summary/last-boot',
    'diagnostics/summary/stored-files',
    'diagnostics/summary/summary',
    'diagnostics/timeline/compare-timelines',
    'diagnostics/timeline/own-times',
    'diagnostics/timeline/timeline',
    'format/render-tree',
  ],
  artifacts: ['diagnostics/write/diagnostics-writer'],
  bridges: ['bridges/bridge-diagnostics-channels'],
  processors: ['opentelemetry/processor/zero-code'],
};
/** The files of the command line: the modules named here with all of `cli` that they import. The rest is in `more`. */
const COMMANDS = {
  program: ['program', 'examples'],
  info: ['commands/info', 'commands/read', 'commands/dump', 'commands/entries', 'commands/is-stale'],
  show: [
    'commands/show',
    'commands/log',
    'commands/blame',
    'commands/critical-chain',
    'commands/compare',
    '../format/value-text',
    'fleet/row',
  ],
  change: [
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
};
/** The rooms whose modules they import as they are, not by what stands for them. */
const OF_COMMANDS = ['setup', 'extras', 'reading', 'pools'];
/** What only some commands need of Node.js is loaded by them. */
const LATE = new Set([...SLOW, 'os', 'timers/promises', 'tls', 'worker_threads']);
const roomOf = new Map(
  Object.entries(ROOMS).flatMap(([room, modules]) => modules.map((name) => [moduleOf(name), room])),
);

export async function buildPackage() {
  const home = homes();
  const bundle = await rollup({
    input: {
      ...Object.fromEntries(Object.entries(FILES).map(([file, name]) => [file, moduleOf(name)])),
      ...Object.fromEntries(Object.keys(ROOMS).map((room) => [`rooms/${room}`, `room:${room}`])),
    },
    plugins: [lazyRooms(home), MINIFIED],
    // A room has what others use of it beside what it is called for.
    preserveEntrySignatures: 'allow-extension',
    treeshake: { propertyReadSideEffects: false },
    onwarn: refuse,
  });
  await bundle.write({
    dir: DIST,
    ...OUTPUT,
    entryFileNames: '[name].cjs',
    chunkFileNames: ({ name }) => `${name.includes('/') ? '' : 'rooms/'}${name}.cjs`,
    manualChunks: (id) => chunkOf(id, home),
  });
}

/**
 * The file that each module goes to, by the groups of modules that need it at once: `base` has what both the main entry and
 * the command line need, `core` the rest of what the main entry does, `shared` and `pools` what several rooms share.
 */
function homes() {
  const core = closure([moduleOf('index')]);
  const owners = new Map();
  const add = (group, modules) => {
    for (const module of closure(modules, group)) owners.set(module, [...(owners.get(module) ?? []), group]);
  };
  const groups = {
    ...ROOMS,
    processors: [...ROOMS.processors, 'opentelemetry/index'],
    spans: [
      'opentelemetry/export/own-provider',
      'opentelemetry/layer/opentelemetry-layer',
      'opentelemetry/propagation/process-environment',
    ],
    'rooms/pino': ['pino/index'],
    'report-page/index': ['report-page/index'],
  };
  for (const [group, names] of Object.entries(groups)) add(group, names.map(moduleOf));
  for (const [file, names] of Object.entries(COMMANDS)) {
    add(
      `cli/${file}`,
      names.map((name) => moduleOf(`cli/${name}`)),
    );
  }
  const commands = readdirSync(join(DIST, 'cli'), { recursive: true }).filter((file) => file.endsWith('.js'));
  add(
    'cli/more',
    commands.map((file) => join(DIST, 'cli', file)).filter((module) => !owners.has(module)),
  );
  const home = new Map([[COMMANDER, 'cli/program']]);
  for (const [module, groups] of owners) home.set(module, sharedBy(groups));
  for (const module of core) home.set(module, owners.get(module)?.some(isOfCommands) ? 'base' : 'core');
  // Each entry is a file of its own.
  for (const [file, name] of Object.entries(FILES)) {
    if (home.get(moduleOf(name)) !== file) home.delete(moduleOf(name));
  }
  return home;
}

/** Where a module goes that these groups need, and the main entry does not. */
function sharedBy(groups) {
  const rooms = groups.filter((group) => !isOfCommands(group));
  if (rooms.length === 0) return groups[0];
  const areAll = (...names) => rooms.every((room) => names.includes(room));
  const isOfSetUp = rooms.includes('setup') || rooms.includes('spans');
  if (rooms.length < groups.length) {
    // The smallest commands load neither what only a set-up shares nor what reads diagnostics.
    if (groups.includes('cli/info')) return isOfSetUp ? 'base' : 'pools';
    if (areAll('reading', 'artifacts', 'report-page/index')) return 'reading';
    return isOfSetUp || (rooms.length === 1 && !areAll('pools')) ? 'shared' : 'pools';
  }
  if (rooms.length === 1) return rooms[0];
  if (areAll('spans', 'processors')) return 'spans';
  if (areAll('setup', 'extras')) return 'setup';
  // No command needs it, so it is not in `shared`, which they load.
  return isOfSetUp ? 'core' : 'pools';
}

function isOfCommands(group) {
  return group.startsWith('cli/');
}

/** Modules and all that they import, but not what another room has that is loaded later. */
function closure(modules, group) {
  const rooms = [undefined, group];
  if (group !== undefined) rooms.push(...(isOfCommands(group) ? OF_COMMANDS : ['pools']));
  const found = new Set(modules);
  for (const module of found) {
    for (const imported of importsOf(module)) {
      if (rooms.includes(roomOf.get(imported))) found.add(imported);
    }
  }
  return found;
}

function moduleOf(name) {
  return join(DIST, `${name}.js`);
}

function chunkOf(id, home) {
  if (id.startsWith('\0builtin:')) return id.split('?')[1] || undefined;
  if (id.startsWith('\0lazy:')) return 'base';
  if (id.startsWith('\0room:')) return id.slice('\0room:'.length);
  return home.get(id);
}

/** Cuts imports of modules that another room has, and of built-in modules, so that they are loaded by what calls them. */
function lazyRooms(home) {
  /** Whether the file of a module is loaded by what calls it, not by what imports it. */
  const isLate = (module, importer) => {
    const [room, to, from] = [roomOf.get(module), home.get(module), home.get(importer)];
    if (room === undefined || from === to || from === room) return false;
    if (from === undefined || from === 'core' || from === 'base') return true;
    return to !== 'shared' && to !== 'pools' && !(to === 'reading' && isOfCommands(from));
  };
  return {
    name: 'lazy rooms',
    resolveId(source, importer) {
      if (source.startsWith('room:')) return `\0${source}`;
      // Each file has its own.
      if (source.startsWith('node:') && importer === COMMANDER) return { id: source, external: true };
      if (source.startsWith('node:')) return `\0builtin:${source.slice(5)}?${home.get(importer) ?? ''}`;
      if (source.startsWith('/')) return source;
      if (source === 'commander') return COMMANDER;
      // What is imported of a package but not used is left out.
      if (!source.startsWith('.')) return { id: source, external: true, moduleSideEffects: false };
      const module = resolve(dirname(importer), source);
      return isLate(module, importer) ? `\0lazy:${module}` : module;
    },
    load(id) {
      if (id === COMMANDER) return commander();
      if (id.startsWith('\0room:')) return roomText(id.slice('\0room:'.length));
      if (id.startsWith('\0lazy:')) return standIns(id.slice('\0lazy:'.length), this);
      if (!id.startsWith('\0builtin:')) return undefined;
      const [name, file] = id.slice('\0builtin:'.length).split('?');
      return builtin(name, isOfCommands(file) ? LATE : SLOW);
    },
    transform(code, id) {
      return id.startsWith('\0') ? undefined : { code: withNames(code), map: null };
    },
    resolveImportMeta(property) {
      // Bundles of other programs may be modules, in which there is no `__filename`.
      if (property === 'filename') return "(typeof __filename === 'string' ? __filename : undefined)";
      return property === 'url'
        ? "(typeof __filename === 'string' ? process.getBuiltinModule('node:url').pathToFileURL(__filename).href : undefined)"
        : undefined;
    },
  };
}

/** Keeps the name of a class, which errors and what `inspect` prints say: as that of a member minifying leaves it alone. */
function withNames(code) {
  return code.replaceAll(
    /^export class (\w+)([^{]*\{(?:.*\}|[^]*?\n\}))$/gm,
    (_, name, rest) => `export const { ${name} } = { ${name}: class${rest} };`,
  );
}

/** All that a room exports. */
function roomText(room) {
  return ROOMS[room].map((name) => `export * from ${JSON.stringify(moduleOf(name))};`).join('\n');
}

/** What stands for the functions and classes of a module until one is called. */
function standIns(module, context) {
  const lines = [`let room; const load = () => (room ??= require('./${roomOf.get(module)}.cjs'));`];
  for (const { type, declaration, specifiers } of context.parse(readFileSync(module, 'utf8')).body) {
    if (type !== 'ExportNamedDeclaration' || specifiers.length > 0) continue;
    const name = declaration.id?.name;
    if (declaration.type === 'FunctionDeclaration') {
      lines.push(`export function ${name}(...args) { return load().${name}(...args); }`);
    } else if (declaration.type === 'ClassDeclaration') {
      lines.push(`export function ${name}(...args) { return new (load().${name})(...args); }`);
    } else {
      const [{ id, init }] = declaration.declarations;
      // Another constant would have to be loaded: importing it is refused as a missing export.
      if (init.type === 'Literal') lines.push(`export const ${id.name} = ${init.raw};`);
    }
  }
  return lines.join('\n');
}

/** The exports as one object: made one by one they take longer, and six times the memory. */
function withOneExport(code) {
  const members = [];
  const rest = code.replaceAll(/^exports\.([\w$]+) = ([\w$.]+);\n?/gm, (_, name, value) => {
    members.push(`${name}: ${value}`);
    return '';
  });
  return members.length > 0 ? `${rest}\nmodule.exports = { ${members.join(', ')} };` : code;
}

const MINIFIED = {
  name: 'minified',
  renderChunk: async (code, { fileName }) => ({
    code: await minified(fileName.startsWith('rooms/') ? withOneExport(code) : code),
    map: null,
  }),
};
