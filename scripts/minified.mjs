import { transform } from 'esbuild';
import { parseAst } from 'rollup/parseAst';

/** How long a line may get, about: of an error that nobody catches Node.js prints the line that threw it. */
const LINE = 160;

/**
 * A file of CommonJS as Node.js reads it soonest: it reads all of a file before it runs any of it, and a single character
 * beyond ASCII makes it keep the whole of it at two bytes a character. esbuild leaves those of regular expressions.
 */
export async function minified(code) {
  const options = {
    minify: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    legalComments: 'none',
  };
  const { code: small } = await transform(code, options);
  return inLines(
    small.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** In lines that begin with a statement or a member: esbuild's own would also break texts, which bundlers then indent. */
function inLines(code) {
  const starts = [];
  collectStarts(parseAst(code, { allowReturnOutsideFunction: true }), starts);
  let lines = '';
  let written = 0;
  let last = 0;
  for (const start of [...starts.sort((a, b) => a - b), code.length]) {
    if (start - written > LINE && last > written) {
      lines += `${code.slice(written, last)}\n`;
      written = last;
    }
    last = start;
  }
  return lines + code.slice(written);
}

/** Where a line may begin: at what follows another of its list, behind a semicolon, a brace or a comma. */
function collectStarts(node, starts) {
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type !== 'string') continue;
      if (Array.isArray(value) && LISTS.has(node.type) && child !== value[0]) starts.push(child.start);
      collectStarts(child, starts);
    }
  }
}

const LISTS = new Set([
  'ArrayExpression',
  'BlockStatement',
  'CallExpression',
  'ClassBody',
  'NewExpression',
  'ObjectExpression',
  'Program',
  'SequenceExpression',
  'SwitchStatement',
  'VariableDeclaration',
]);
