// Builds both cores: TypeScript into dist/, and the native one where there is Rust.
import { rmSync } from 'node:fs';
import { nativeObstacle, run } from './tools.mjs';

rmSync('dist', { recursive: true, force: true });
run('tsc', ['-p', 'tsconfig.build.json']);
const obstacle = nativeObstacle();
if (obstacle === undefined) {
  const crate = ['--manifest-path', 'crates/binding/Cargo.toml', '--output-dir', '.'];
  const names = ['--js', 'binding.cjs', '--dts', 'binding.d.cts'];
  run('napi', ['build', '--platform', '--release', ...crate, ...names, '--', '--locked']);
} else {
  console.error(`The native core was not built: ${obstacle}. Everything runs on the fallback.`);
}
