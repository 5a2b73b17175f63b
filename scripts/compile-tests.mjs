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
 * Compiles sources, tests and examples into a folder, one file into one, and returns that folder. A process of the
 * suite needs no loader then: it loads the package in 0.25 s of processor time instead of 0.75 s. `import.meta.url`
 * is still the source's, so that fixtures, the native core and packages are found where they are.
 */
export function compileTests(folder = FOLDER) {
  rmSync(folder, { recursive: true, force: true });
  for (const root of ['src', '__test__', 'examples']) {
    for (const name of readdirSync(root, { recursive: true })) {
      const file = join(root, name);
      if (IS_SOURCE.test(file)) compileFile(folder, file, readFileSync(file, 'utf8'));
    }
  }
  return folder;
}

/** Compiles the text of one file into the folder of all. */
export function compileFile(folder, file, text) {
  const compiled = join(folder, file.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(compiled), { recursive: true });
  const { outputText } = ts.transpileModule(text, {
    fileName: resolve(file),
    compilerOptions: OPTIONS,
    transformers: { before: [withUrl(pathToFileURL(file).href)] },
  });
  writeFileSync(compiled, outputText);
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
