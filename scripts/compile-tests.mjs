import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';

const FOLDER = '.tests';
const IS_SOURCE = /^(src|__test__(?!\/fixtures)|examples)\/.*\.ts$/;

/** As `tsconfig.json` has it, for one file at a time. */
const OPTIONS = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
  inlineSourceMap: true,
};

/**
 * Compiles sources, tests and examples into `.tests`, one file into one, and returns that folder. A process of the
 * suite needs no loader then: it loads the package in 0.25 s of processor time instead of 0.75 s. `import.meta.url`
 * is still the source's, so that fixtures, the native core and packages are found where they are.
 */
export function compileTests() {
  rmSync(FOLDER, { recursive: true, force: true });
  for (const folder of ['src', '__test__', 'examples']) {
    for (const name of readdirSync(folder, { recursive: true })) {
      const file = join(folder, name);
      if (!IS_SOURCE.test(file)) continue;
      const compiled = join(FOLDER, file.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(compiled), { recursive: true });
      const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
        fileName: resolve(file),
        compilerOptions: OPTIONS,
        transformers: { before: [withUrl(pathToFileURL(file).href)] },
      });
      writeFileSync(compiled, outputText);
    }
  }
  return FOLDER;
}

/** Replaces `import.meta.url` by a URL. */
function withUrl(url) {
  return (context) => (file) => {
    const visit = (node) =>
      ts.isPropertyAccessExpression(node) && ts.isMetaProperty(node.expression) && node.name.text === 'url'
        ? ts.factory.createStringLiteral(url)
        : ts.visitEachChild(node, visit, context);
    return ts.visitNode(file, visit);
  };
}
