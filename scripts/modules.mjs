// The modules in dist/ that rollup puts together.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';

/** Built-in modules that take long to load: a function of theirs loads them when it is first called. */
export const SLOW = new Set([
  'child_process',
  'crypto',
  'fs/promises',
  'module',
  'net',
  'tty',
  'url',
  'zlib',
]);

/** How rollup writes CommonJS that is read soonest. */
export const OUTPUT = {
  format: 'cjs',
  exports: 'named',
  esModule: false,
  externalLiveBindings: false,
  freeze: false,
  hoistTransitiveImports: false,
  interop: 'default',
  minifyInternalExports: true,
  generatedCode: { preset: 'es2015', symbols: false },
};

/** Modules import each other in circles, which is no mistake; all other warnings are. */
export function refuse(warning) {
  const { code, message } = warning;
  if (code === 'CIRCULAR_DEPENDENCY' || code === 'THIS_IS_UNDEFINED') return;
  throw new Error(message, { cause: warning });
}

/** The modules that a module imports at once. */
export function importsOf(module) {
  const statements = readFileSync(module, 'utf8').matchAll(
    /^(?:import|export)\s(?:[^'";]*?from\s+)?["'](\.[^"']+)["']/gm,
  );
  return [...statements].map(([, path]) => resolve(dirname(module), path));
}

/**
 * A built-in module, got from the process: bundlers leave that alone, whereas `require` fails where they make modules.
 */
export function builtin(name, slow) {
  const module = createRequire(import.meta.url)(`node:${name}`);
  const names = Object.keys(module).filter((each) => /^[A-Za-z]\w*$/.test(each) && each !== 'default');
  const get = `process.getBuiltinModule('node:${name}')`;
  if (!slow.has(name)) {
    const exported = names.map(
      (each) => `const its_${each} = module.${each}; export { its_${each} as ${each} };`,
    );
    return `const module = /* @__PURE__ */ ${get}; export default module;\n${exported.join('\n')}`;
  }
  const functions = names.filter((each) => typeof module[each] === 'function');
  const exported = functions.map((each) => {
    const target = /^class\b/.test(String(module[each])) ? `new (load().${each})` : `load().${each}`;
    return `export function ${each}(...args) { return ${target}(...args); }`;
  });
  return `let module; const load = () => (module ??= ${get});\n${exported.join('\n')}`;
}
