import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { ROOT } from './programs.ts';

const SOURCES = fileURLToPath(new URL('src/', ROOT));
const BINDING = /(?:^|\/)binding\.(?:cjs|d\.cts)$/;

/** What a file of the sources imports. */
export interface Import {
  /** A file, relative to `src`, or the name of a package; the native core is the package `binding`. */
  readonly to: string;
  readonly isPackage: boolean;
  /** Whether the compiler leaves nothing of it: `import type`. */
  readonly isErased: boolean;
}

/** The imports of each file of the sources, of all kinds, without those of Node.js; files are relative to `src`. */
export function importsOfSources(): Map<string, Import[]> {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.tsx?$/.test(file),
  );
  return new Map(files.sort().map((file) => [file, importsOf(file)]));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SOURCES, file), 'utf8');
  const imports: Import[] = [];
  const add = (specifier: ts.Node | undefined, isErased: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const { text: name } = specifier;
    if (name.startsWith('node:')) return;
    if (BINDING.test(name)) imports.push({ to: 'binding', isPackage: true, isErased });
    else if (name.startsWith('.')) {
      imports.push({ to: relative('/', join('/', dirname(file), name)), isPackage: false, isErased });
    } else imports.push({ to: packageOf(name), isPackage: true, isErased });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true);
    else if (ts.isCallExpression(node)) {
      const [first] = node.arguments;
      const isBinding = first !== undefined && ts.isStringLiteralLike(first) && BINDING.test(first.text);
      if (isBinding || node.expression.kind === ts.SyntaxKind.ImportKeyword) add(first, false);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest));
  return imports;
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

/** A cycle of a graph, each node behind the one that leads to it; `undefined` if there is none. */
export function cycleIn(graph: ReadonlyMap<string, Iterable<string>>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const search = (node: string): string[] | undefined => {
    if (done.has(node)) return undefined;
    const start = path.indexOf(node);
    if (start !== -1) return [...path.slice(start), node];
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const cycle = search(next);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = search(node);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
