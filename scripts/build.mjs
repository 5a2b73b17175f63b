// Builds both cores: TypeScript into dist/, and the native one where there is Rust.
import { rmSync } from 'node:fs';
import { build } from 'esbuild';
import { buildCommandLine } from './build-command-line.mjs';
import { buildReportPage } from './build-report-page.mjs';
import { nativeObstacle, run } from './tools.mjs';

rmSync('dist', { recursive: true, force: true });
run('tsc', ['-p', 'tsconfig.build.json']);
await buildReportPage();
// Before the files that it is made of are put together below: else it would have much of them twice.
await buildCommandLine();
// What is imported at once is put into one file: a hundred take twice as long to load.
await build({
  entryPoints: [
    'index',
    'cli/fleet-worker',
    'opentelemetry/index',
    'opentelemetry/register',
    'pino/index',
    'report-page/index',
  ].map((entry) => `dist/${entry}.js`),
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  allowOverwrite: true,
  bundle: true,
  splitting: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  logLevel: 'warning',
});
const obstacle = nativeObstacle();
if (obstacle === undefined) {
  const crate = ['--manifest-path', 'crates/binding/Cargo.toml', '--output-dir', '.'];
  const names = ['--no-js', '--dts', 'binding.d.cts', '--no-const-enum'];
  run('napi', ['build', '--platform', '--release', ...crate, ...names, '--', '--locked']);
} else {
  console.error(`The native core was not built: ${obstacle}. Everything runs on the fallback.`);
}
