// Builds both cores: TypeScript into dist/, and the native one where there is Rust.
import { rmSync } from 'node:fs';
import { buildPackage } from './build-package.mjs';
import { buildReportPage } from './build-report-page.mjs';
import { buildTypes } from './build-types.mjs';
import { nativeObstacle, run } from './tools.mjs';

rmSync('dist', { recursive: true, force: true });
run('tsc', ['-p', 'tsconfig.build.json']);
await buildReportPage();
await buildPackage();
await buildTypes();
const obstacle = nativeObstacle();
if (obstacle === undefined) {
  const crate = ['--manifest-path', 'crates/binding/Cargo.toml', '--output-dir', '.'];
  const names = ['--no-js', '--dts', 'binding.d.cts', '--no-const-enum'];
  run('napi', ['build', '--platform', '--release', ...crate, ...names, '--', '--locked']);
} else {
  console.error(`The native core was not built: ${obstacle}. Everything runs on the fallback.`);
}
