import { transform } from 'esbuild';

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
    // Of an error that nobody catches Node.js prints the line that threw it.
    lineLimit: 120,
  };
  const { code: small } = await transform(code, options);
  return small.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
