// Puts the declarations in dist/ together: one file for each entry, and a few that they share.
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import { ENTRIES } from './build-package.mjs';

export async function buildTypes() {
  const bundle = await rollup({
    input: Object.fromEntries(Object.entries(ENTRIES).map(([file, module]) => [file, `dist/${module}.d.ts`])),
    plugins: [
      dts(),
      { name: 'independent', renderChunk: (code) => ({ code: independent(code), map: null }) },
    ],
    external: [/^@opentelemetry\//, 'pino'],
    // The entries share types that they do not export, and `register` has none; the tests of the package look at the result.
    onwarn: () => {},
  });
  await bundle.write({
    dir: 'dist',
    entryFileNames: '[name].d.cts',
    chunkFileNames: ({ name }) => `rooms/${name.replace(/\.d$/, '')}.d.cts`,
  });
}

/**
 * Declarations that need no `@types/node`, which a program need not have, nor include, as TypeScript 6 and 7 do not by
 * themselves: what is of Node.js in them is said in TypeScript's own words.
 */
function independent(code) {
  const text = code
    .replaceAll('NodeJS.ProcessEnv', 'Record<string, string | undefined>')
    .replaceAll('NodeJS.Signals', '`SIG${string}`');
  if (/\bNodeJS\.|\bBuffer\b(?!`)|from 'node:/.test(text.replaceAll(/\/\*.*?\*\//gs, '')))
    throw new Error('the published types have a type of @types/node: name it in scripts/build-types.mjs');
  const small = text.replaceAll(/^(?: {4})+/gm, (indent) => '\t'.repeat(indent.length / 4));
  return `/// <reference lib="esnext.disposable" />\n${small}`;
}
