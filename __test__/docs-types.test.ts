import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import ts from 'typescript';
import { blocksOf, pageText } from './helpers/doc-page.ts';
import { compiled } from './helpers/installed.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';

test('TypeScript accepts the programs of the pages, but for types of parameters, which JavaScript lacks', (t) => {
  const folder = folderOf(t);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/kvp-tracing'));
  for (const name of ['@types', '@opentelemetry', 'pino', 'fastify'])
    symlinkSync(new URL(`node_modules/${name}`, ROOT), join(folder, 'node_modules', name));
  const pages = readdirSync(new URL('docs', ROOT), { recursive: true, encoding: 'utf8' }).filter(
    (name) => !/^(?:\.vitepress|reference\/api|api)\//.test(name),
  );
  const files: string[] = [];
  for (const page of [
    'README.md',
    ...pages.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
  ]) {
    for (const { language, name, code, hidden, line } of blocksOf(pageText(page))) {
      // NodeSDK is not among the project's own packages, and Express has no types of its own.
      if (language !== 'js' || /@opentelemetry\/sdk-node|from 'express'/.test(code)) continue;
      // A program stands in a folder of its own, beside those of its page.
      const file = join(page.replaceAll('/', '-'), name.includes('.') ? name : `line-${line}.mjs`);
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), hidden + code);
      if (!files.includes(file)) files.push(file);
    }
  }
  t.true(files.length > 30);
  const options = {
    allowJs: true,
    checkJs: true,
    noEmit: true,
    noImplicitAny: false,
    exactOptionalPropertyTypes: false,
    noUncheckedIndexedAccess: false,
    strictNullChecks: false,
    useUnknownInCatchVariables: false,
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  const complaints = compiled(folder, files, options).map((text) => text.replace(`${folder}/`, ''));
  // A parameter of a function that is given to `instrument` has no type until one is written.
  t.deepEqual(
    complaints.filter((text) => !/'(?:never|unknown)'/.test(text)),
    [],
  );
});
