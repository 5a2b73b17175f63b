import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { build } from 'esbuild';
import ts from 'typescript';
import { compiled, installedIn } from './helpers/installed.ts';

/** Compiles files in `folder` into JavaScript beside them; throws with the compiler's complaints. */
type Compile = (folder: string, files: string[], experimentalDecorators: boolean) => unknown;

const COMPILERS: Record<string, Compile> = {
  TypeScript(folder, files, experimentalDecorators) {
    const options = { module: ts.ModuleKind.NodeNext, experimentalDecorators };
    const problems = compiled(folder, files, options);
    if (problems.length > 0) throw new Error(problems.join('\n'));
  },
  esbuild: (folder, files, experimentalDecorators) =>
    build({
      absWorkingDir: folder,
      entryPoints: files,
      outdir: '.',
      format: 'esm',
      target: 'es2022',
      logLevel: 'silent',
      tsconfigRaw: { compilerOptions: { experimentalDecorators } },
    }),
};

const KINDS = { 'of TC39': false, 'of TypeScript': true };

/** What instance and static methods, sync and async, and generators come to. */
const AGENT = {
  returned: [
    true,
    18,
    ['named', 'value'],
    true,
    'pages',
    '',
    'pages',
    '',
    ['Symbol(Symbol.iterator)'],
    'inner',
    "super's inherited",
  ],
  spans: [
    ['create', 'INFO', {}, true],
    ['scale', 'INFO', { a: 5 }, true],
    ['named', 'INFO', { factor: 3 }, true],
    ['fails', 'INFO', {}, true, 'failed'],
    ['pages', 'INFO', {}, true],
    ['Symbol(Symbol.iterator)', 'INFO', {}, true],
    ['outer', 'INFO', {}, true],
    ['inner', 'INFO', {}, true],
    ['inherited', 'DEBUG', {}, true],
  ],
  told: [
    ['INFO', 'named,value', 'return', 'named'],
    ['WARN', 'Error: boom', 'error', 'fails'],
  ],
  method: ['scale', 1, []],
};

const REFUSED =
  'ERR_KVP_INVALID_OPTION instrument must be given a function or a method that is no constructor, not';

for (const [compiler, compile] of Object.entries(COMPILERS)) {
  for (const [kind, isOld] of Object.entries(KINDS)) {
    test(`decorators ${kind} compiled by ${compiler} instrument methods and are refused elsewhere`, async (t) => {
      const folder = installedIn(t, 'decorators');
      const files = ['agent.ts', 'misused.ts', ...(isOld ? [] : ['private.ts'])];
      await compile(folder, files, isOld);
      const run = (file: string): unknown =>
        JSON.parse(execFileSync(process.execPath, [join(folder, file)], { cwd: folder, encoding: 'utf8' }));
      t.deepEqual(run('agent.js'), AGENT);
      const given = isOld
        ? ['"class Decorated"', '"an accessor"', 'an object']
        : ['"class"', '"getter"', '"field"'];
      t.deepEqual(
        run('misused.js'),
        given.map((what) => `${REFUSED} ${what}`),
      );
      // The older ones can't decorate private methods.
      if (!isOld) t.deepEqual(run('private.js'), ['#make', '#open', 1]);
    });
  }
}
