import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { notices } from './notices.mjs';

/** Where Node.js finds this file, as `import.meta.url` says of a module. */
const URL_OF_FILE = 'kvpFileUrl';

/**
 * Makes `dist/cli/main.cjs`: the command line in one file, which starts sooner than several, and as CommonJS sooner
 * than as a module. Its commands are still run only when they are called. Beside it are the licences of what is in it.
 */
export async function buildCommandLine() {
  const { dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  );
  const shared = {
    bundle: true,
    external: Object.keys({ ...dependencies, ...peerDependencies, ...peerDependenciesMeta }),
    platform: 'node',
    format: 'cjs',
    target: 'node20.19',
    // Node.js reads all of it at each start: a third of the bytes is a twentieth of the time of `--help`.
    minify: true,
    define: { 'import.meta.url': URL_OF_FILE },
    banner: { js: `const ${URL_OF_FILE}=require('node:url').pathToFileURL(__filename).href;` },
    logLevel: 'warning',
  };
  const { metafile } = await build({
    ...shared,
    entryPoints: ['dist/cli/main.js'],
    outfile: 'dist/cli/main.cjs',
    plugins: [WITHOUT_CHILD_PROCESSES, REPORT_PAGE_APART],
    metafile: true,
  });
  await build({ ...shared, entryPoints: ['dist/report-page/index.js'], outfile: 'dist/cli/report-page.cjs' });
  writeFileSync('dist/cli/NOTICES.txt', notices('The file main.cjs has', Object.keys(metafile.inputs)));
}

/** What makes pages is read only where one is made. */
const REPORT_PAGE_APART = {
  name: 'report page apart',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/report-page\/index\.js$/ }, () => ({ path: 'index', namespace: 'report page' }));
    onResolve({ filter: /^\.\/report-page\.cjs$/ }, ({ path }) => ({ path, external: true }));
    // By `require`: an `import()` of CommonJS parses it once more to find its exports.
    onLoad({ filter: /^/, namespace: 'report page' }, () => ({
      contents: "module.exports = require('./report-page.cjs');",
    }));
  },
};

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
