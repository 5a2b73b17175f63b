import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { ROOT } from './programs.ts';

/** A text that the sources give to an error, as its parts between what is put in. */
export interface SourceMessage {
  /** The file and line. */
  at: string;
  parts: readonly string[];
}

/** Where the text stands among what each kind of error is made of. */
const PLACE: Readonly<Record<string, number>> = {
  OptionError: 2,
  LayerError: 0,
  DroppedError: 0,
  ExportError: 0,
  TooLargeError: 0,
  InvalidArgumentError: 0,
  Error: 0,
};

/** The texts of all errors that the package makes. Those that come from elsewhere, as the system's, are not among them. */
export function sourceMessages(): SourceMessage[] {
  return readdirSync(new URL('src', ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('report-page/page'))
    .flatMap((name) => messagesIn(name, readFileSync(new URL(`src/${name}`, ROOT), 'utf8')));
}

function messagesIn(name: string, text: string): SourceMessage[] {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const found: SourceMessage[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && ts.isIdentifier(node.expression)) {
      const made = node.expression.text;
      const isError = ts.isNewExpression(node) ? made.endsWith('Error') : made === 'errorOf';
      const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      if (isError)
        for (const parts of textsOf(node.arguments?.[PLACE[made] ?? 1]))
          found.push({ at: `${name}:${line}`, parts });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** The texts that an expression may stand for, each in its parts; none if that can't be seen. */
function textsOf(node: ts.Node | undefined): string[][] {
  if (node === undefined) return [];
  if (ts.isStringLiteralLike(node)) return [[node.text]];
  if (ts.isTemplateExpression(node))
    return [[node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)]];
  if (ts.isConditionalExpression(node)) return [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)];
  if (ts.isIdentifier(node)) return textsOf(initializerOf(node));
  return [];
}

/** What the nearest constant of this name is declared with. */
function initializerOf(name: ts.Identifier): ts.Expression | undefined {
  for (let scope: ts.Node = name; scope !== undefined; scope = scope.parent) {
    if (!ts.isBlock(scope) && !ts.isSourceFile(scope)) continue;
    for (const statement of scope.statements) {
      if (!ts.isVariableStatement(statement)) continue;
      for (const declared of statement.declarationList.declarations)
        if (ts.isIdentifier(declared.name) && declared.name.text === name.text) return declared.initializer;
    }
  }
  return undefined;
}
