import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const FOLDER = '.tests';
const IS_SOURCE = /^(src|__test__(?!\/fixtures)|examples)\/.*\.ts$/;
/** An import of one of our own files, as esbuild prints it. */
const OWN_IMPORT = /(\bfrom |\bimport\(|^import )"(\.\.?\/[^"\n]+)\.ts"/gm;

/**
 * Compiles sources, tests and examples into `.tests`, one file into one, and returns that folder. A process of the
 * suite needs no loader then: it starts with 0.25 s of processor time instead of 0.75 s. `import.meta.url` is still
 * the source's, so that fixtures, the native core and packages are found where they are.
 */
export async function compileTests() {
  rmSync(FOLDER, { recursive: true, force: true });
  const files = ['src', '__test__', 'examples'].flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((file) => join(folder, file)),
  );
  const { outputFiles } = await build({
    entryPoints: files.filter((file) => IS_SOURCE.test(file)),
    outbase: '.',
    outdir: FOLDER,
    write: false,
    format: 'esm',
    target: 'node20.19',
    sourcemap: 'inline',
    sourcesContent: false,
    define: { 'import.meta.url': 'sourceUrl' },
    plugins: [{ name: 'source-url', setup: ({ onLoad }) => onLoad({ filter: /\.ts$/ }, withSourceUrl) }],
    logLevel: 'warning',
  });
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replace(OWN_IMPORT, '$1"$2.js"'));
  }
  return FOLDER;
}

function withSourceUrl({ path }) {
  const source = readFileSync(path, 'utf8');
  // In the first line, so that lines keep their numbers.
  const url = `const sourceUrl = ${JSON.stringify(pathToFileURL(path).href)}; `;
  return { loader: 'ts', contents: source.includes('import.meta.url') ? url + source : source };
}
