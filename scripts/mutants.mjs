// One-line changes of TypeScript source, for scripts/mutate.mjs: what a test of the module should notice.
import ts from 'typescript';

/** Operators and what they are exchanged for. */
const OPERATORS = new Map([
  ['<', ['<=', '>=']],
  ['<=', ['<', '>']],
  ['>', ['>=', '<=']],
  ['>=', ['>', '<']],
  ['===', ['!==']],
  ['!==', ['===']],
  ['&&', ['||']],
  ['||', ['&&']],
  ['+', ['-']],
  ['-', ['+']],
  ['*', ['/']],
  ['/', ['*']],
  ['%', ['*']],
  ['&', ['|']],
  ['|', ['&']],
  ['+=', ['-=']],
  ['-=', ['+=']],
]);

/** The factors by which a number is made wrong: a bound a tenth or ten times as large is a bound nobody tests. */
const FACTORS = [10, 0.1];
/** Of smaller numbers the neighbours. */
const SMALL = 10;

/**
 * All mutants of a file: `{ start, end, text, line, code, was, kind }`, where the characters from `start` to `end` are
 * replaced by `text`, and `code` is the line. Types, imports and the texts of messages are left alone.
 */
export function mutantsOf(path, source) {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const mutants = [];
  const lines = source.split('\n');
  const add = (kind, node, text, from = node.getStart(file), to = node.getEnd()) => {
    const { line } = file.getLineAndCharacterOfPosition(from);
    const code = lines[line].trim();
    mutants.push({ kind, start: from, end: to, text, line: line + 1, code, was: source.slice(from, to) });
  };
  const visit = (node) => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return;
    if (ts.isTypeAliasDeclaration(node)) return;
    mutate(node, file, add);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  return mutants.sort((a, b) => a.start - b.start || a.text.localeCompare(b.text));
}

function mutate(node, file, add) {
  if (ts.isBinaryExpression(node)) {
    const operator = node.operatorToken.getText(file);
    // Texts that are put together are messages, or found out by golden files.
    const isText = operator === '+' && [node.left, node.right].some(isTextual);
    if (!isText)
      for (const other of OPERATORS.get(operator) ?? []) add('operator', node.operatorToken, other);
    if (operator === '??') add('default', node, node.right.getText(file));
  } else if (ts.isNumericLiteral(node)) {
    const number = Number(node.text);
    if (number === 0 || number === 1) add('number', node, String(1 - number));
    else if (number < SMALL) for (const other of [number - 1, number + 1]) add('number', node, String(other));
    else for (const factor of FACTORS) add('number', node, String(Math.round(number * factor)));
  } else if (ts.isIfStatement(node) || ts.isWhileStatement(node)) {
    add('condition', node.expression, 'false');
    if (ts.isIfStatement(node)) add('condition', node.expression, 'true');
  } else if (ts.isConditionalExpression(node)) {
    add('condition', node.condition, 'true');
    add('condition', node.condition, 'false');
  } else if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) {
    add('negation', node, node.operand.getText(file));
  } else if (node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword) {
    add('boolean', node, node.kind === ts.SyntaxKind.TrueKeyword ? 'false' : 'true');
  } else if (ts.isExpressionStatement(node) && isEffect(node.expression)) {
    add('statement', node, ';');
  } else if (
    ts.isArrayLiteralExpression(node) &&
    node.elements.length > 1 &&
    node.elements.every(isConstant)
  ) {
    for (const element of node.elements) {
      const others = node.elements.filter((each) => each !== element).map((each) => each.getText(file));
      add('element', node, `[${others.join(', ')}]`);
    }
  }
}

function isTextual(node) {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
}

function isConstant(node) {
  return ts.isStringLiteral(node) || ts.isNumericLiteral(node);
}

/** Calls and assignments; `super()` can't be left out. */
function isEffect(node) {
  if (ts.isAwaitExpression(node) || ts.isYieldExpression(node)) return true;
  if (ts.isCallExpression(node)) return node.expression.kind !== ts.SyntaxKind.SuperKeyword;
  if (ts.isPostfixUnaryExpression(node) || ts.isPrefixUnaryExpression(node)) return true;
  return ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken;
}
