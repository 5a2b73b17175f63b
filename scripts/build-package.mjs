// Makes what programs import of the modules in dist/: a few files of CommonJS, and their types.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { rollup } from 'rollup';
import { builtin, importsOf, OUTPUT, refuse } from './modules.mjs';
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
/** These, and the thread of `kvp fleet`. */
const FILES = { ...ENTRIES, 'cli/fleet-worker': 'cli/fleet-worker' };
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
  report: ['diagnostics/report/report', 'layers/pool-shares', 'pool/open-pool', 'setup/reporter'],
  // What changes bytes of a pool in JavaScript.
  fallback: [
    'pool/dry-run-store',
    'pool/edit',
    'pool/fallback/fallback-store',
    'pool/fallback/fallback-writer',
  ],
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
    'diagnostics/write/diagnostics-writer',
    'format/render-tree',
  ],
  bridges: ['bridges/bridge-diagnostics-channels'],
  processors: ['opentelemetry/processor/zero-code'],
};
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
    chunkFileNames: 'rooms/[name].cjs',
    manualChunks: (id) => chunkOf(id, home),
  });
}

/** The file that each module goes to: that of its room; `shared` and `pools` have what several rooms share. */
function homes() {
  const core = closure([moduleOf('index')]);
  const owners = new Map();
  const groups = {
    ...ROOMS,
    processors: [...ROOMS.processors, 'opentelemetry/index'],
    spans: [
      'opentelemetry/export/own-provider',
      'opentelemetry/layer/opentelemetry-layer',
      'opentelemetry/propagation/process-environment',
    ],
    pino: ['pino/index'],
  };
  for (const [room, modules] of Object.entries(groups)) {
    for (const module of closure(modules.map(moduleOf), room)) {
      if (!core.has(module)) owners.set(module, [...(owners.get(module) ?? []), room]);
    }
  }
  return new Map([
    ...[...core].map((module) => [module, 'core']),
    ...[...owners].map(([module, rooms]) => [module, sharedBy(rooms)]),
  ]);
}

/** What a set-up shares with others comes apart from what only those share that read and change pools. */
function sharedBy(rooms) {
  if (rooms.length === 1) return rooms[0];
  if (rooms.every((room) => room === 'spans' || room === 'processors')) return 'spans';
  return rooms.includes('setup') || rooms.includes('spans') ? 'shared' : 'pools';
}

/** Modules and all that they import, but not what another room has. */
function closure(modules, room) {
  const found = new Set(modules);
  for (const module of found) {
    for (const imported of importsOf(module)) {
      if ((roomOf.get(imported) ?? room) === room) found.add(imported);
    }
  }
  return found;
}

function moduleOf(name) {
  return join(DIST, `${name}.js`);
}

function chunkOf(id, home) {
  if (id.startsWith('\0builtin:')) return id.split('?')[1] || undefined;
  if (id.startsWith('\0lazy:')) return 'core';
  if (id.startsWith('\0room:')) return id.slice('\0room:'.length);
  const isEntry = Object.values(FILES).some((name) => moduleOf(name) === id);
  return isEntry ? undefined : home.get(id);
}

/** Cuts imports of modules that another room has, and of built-in modules, so that they are loaded by what calls them. */
function lazyRooms(home) {
  return {
    name: 'lazy rooms',
    resolveId(source, importer) {
      if (source.startsWith('room:')) return `\0${source}`;
      // Each file has its own.
      if (source.startsWith('node:')) return `\0builtin:${source.slice(5)}?${home.get(importer) ?? ''}`;
      if (source.startsWith('/')) return source;
      // What is imported of a package but not used is left out.
      if (!source.startsWith('.')) return { id: source, external: true, moduleSideEffects: false };
      const module = resolve(dirname(importer), source);
      const room = roomOf.get(module);
      return room === undefined || home.get(importer) === room ? module : `\0lazy:${module}`;
    },
    load(id) {
      if (id.startsWith('\0room:')) return roomText(id.slice('\0room:'.length));
      if (id.startsWith('\0lazy:')) return standIns(id.slice('\0lazy:'.length), this);
      return id.startsWith('\0builtin:') ? builtin(id.slice('\0builtin:'.length).split('?')[0]) : undefined;
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
