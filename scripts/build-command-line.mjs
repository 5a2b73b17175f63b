import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { minified } from './minified.mjs';
import { packageNotices } from './package-notices.mjs';

/** Where Node.js finds a file, as `import.meta.url` says of a module. */
const URL_OF_FILE = 'kvpFileUrl';
/**
 * The files, with the commands that each has and all that these import at once; `others.cjs` has the rest. Node.js
 * reads all of a file before it runs any of it, so what is needed together stands together.
 */
const FILES = {
  'main.cjs': [
    'main',
    'commands/info',
    'commands/read',
    'commands/dump',
    'commands/entries',
    'commands/is-stale',
  ],
  'reading.cjs': [
    'commands/show',
    'commands/log',
    'commands/blame',
    'commands/critical-chain',
    'commands/compare',
  ],
  'report-page.cjs': ['../report-page/index'],
};

/**
 * Makes the command line, `dist/cli/main.cjs`, and the three files beside it: few files start sooner than many, less code
 * sooner than more, and CommonJS sooner than modules. Beside them are the licences of what is in them.
 */
export async function buildCommandLine() {
  const { dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  );
  const { metafile, outputFiles } = await build({
    entryPoints: ['dist/cli/main.js'],
    outdir: 'dist/cli',
    chunkNames: '[hash]',
    bundle: true,
    splitting: true,
    external: Object.keys({ ...dependencies, ...peerDependencies, ...peerDependenciesMeta }),
    plugins: [WITHOUT_CHILD_PROCESSES],
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    minify: true,
    define: { 'import.meta.url': URL_OF_FILE, 'import.meta.filename': '__filename' },
    logLevel: 'warning',
    metafile: true,
    write: false,
  });
  const parts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  const files = { ...FILES, 'others.cjs': [] };
  const codes = new Map();
  /** Where each part is that is neither in the first file nor in the last. */
  const places = {};
  for (const [file, modules] of Object.entries(files)) {
    const names = modules.length > 0 ? staticClosure(modules, metafile.outputs) : [...parts.keys()];
    const own = names.filter((name) => parts.has(name));
    codes.set(file, await fileOf(own, parts));
    for (const name of own) {
      parts.delete(name);
      if (file !== 'main.cjs' && file !== 'others.cjs') places[name] = `./${file}`;
    }
  }
  for (const [file, code] of codes) {
    writeFileSync(
      `dist/cli/${file}`,
      file === 'main.cjs'
        ? `#!/usr/bin/env node\n${code}\nconst places=${JSON.stringify(places)};${LOAD}`
        : `${code}module.exports=parts;`,
    );
  }
  writeFileSync('dist/cli/NOTICES.txt', packageNotices('The command line has', Object.keys(metafile.inputs)));
}

/** Runs a part when it is first required, and reads another file when a part of it is. */
const LOAD = `
const loaded=new Map;
const load=(name)=>{
  let module=loaded.get(name);
  if(module)return module.exports;
  loaded.set(name,module={exports:{}});
  const run=parts[name]??require(places[name]??"./others.cjs")[name];
  run(module,module.exports,(id)=>id.startsWith("./")?load(id.slice(2)):require(id));
  return module.exports;
};
load("main.js");
`;

/** The parts whose entries these modules are, and all that those import at once. */
function staticClosure(modules, outputs) {
  const sources = modules.map((name) => join('dist/cli', `${name}.js`));
  const entries = Object.entries(outputs).filter(([, { entryPoint }]) => sources.includes(entryPoint));
  if (entries.length !== modules.length) throw new Error(`not all of ${modules.join(', ')} are entries`);
  const paths = new Set(entries.map(([path]) => path));
  for (const path of paths) {
    for (const { path: to, kind, external } of outputs[path].imports) {
      if (kind === 'import-statement' && external !== true) paths.add(to);
    }
  }
  return [...paths].map((path) => basename(path));
}

/** Parts, each a function of CommonJS by its name. */
async function fileOf(names, parts) {
  const functions = names.map(async (name) => {
    const module = parts
      .get(name)
      .replace(/^#!.*\n/, '')
      .replace(/\bimport\("(\.\/[^"]+)"\)/g, 'Promise.resolve().then(()=>require("$1"))');
    return `${JSON.stringify(name)}(module,exports,require){${await minified(module)}}`;
  });
  const url = `const ${URL_OF_FILE}=require("node:url").pathToFileURL(__filename).href;`;
  return `${url}const parts={${(await Promise.all(functions)).join(',')}};`;
}

/** Commander requires it for commands that are programs of their own, of which there are none; loading it takes long. */
const WITHOUT_CHILD_PROCESSES = {
  name: 'without child processes',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /\/node_modules\/commander\//.test(importer) ? { path: 'none', namespace: 'none' } : undefined,
    );
    onLoad({ filter: /^/, namespace: 'none' }, () => ({ contents: '' }));
  },
};
