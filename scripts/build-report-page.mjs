import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';
import { packageNotices } from './package-notices.mjs';
import { run } from './tools.mjs';

const PAGE = 'src/report-page/page';
const BUILT = 'dist/report-page';

/** Where the title belongs, and the content with the data. */
const HERE = '<!--here-->';

/** What all of it is built with. */
const SHARED = {
  bundle: true,
  minify: true,
  write: false,
  legalComments: 'none',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  metafile: true,
  logLevel: 'warning',
};

/**
 * Makes of `src/report-page/page` what `renderReport` puts data into: `dist/report-page/page.html.br`, the page with its
 * script and style and a policy that allows nothing but these two, and `static.cjs`, which draws the page without a script.
 */
export async function buildReportPage() {
  run('tsc', ['-p', `${PAGE}/tsconfig.json`]);
  mkdirSync(BUILT, { recursive: true });
  const browsers = ['chrome123', 'firefox128', 'safari17.5'];
  const [script, style, page] = await Promise.all([
    build({ ...SHARED, entryPoints: [`${PAGE}/client/main.tsx`], format: 'iife', target: browsers }),
    build({ ...SHARED, entryPoints: [`${PAGE}/style.css`], target: browsers }),
    build({
      ...SHARED,
      entryPoints: [`${PAGE}/static/render.tsx`],
      platform: 'node',
      format: 'cjs',
      target: 'node20.19',
    }),
  ]);
  const [js, css] = [script, style].map(({ outputFiles: [file] }) => file.text.trim());
  writeFileSync(`${BUILT}/page.html.br`, brotliCompressSync(pageOf(js, css)));
  writeFileSync(`${BUILT}/static.cjs`, page.outputFiles[0].text);
  const files = [script, page].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  writeFileSync(`${BUILT}/NOTICES.txt`, packageNotices('The files of this folder have', files));
}

function pageOf(script, style) {
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${HERE}</title>
<style>${style}</style>
</head>
<body>
${HERE}<script>${script}</script>
</body>
</html>
`;
}

function hashOf(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
