// Builds, then runs all tests: Rust's, and the suite once on each writer.
import { existsSync } from 'node:fs';
import { nativeObstacle, run } from './tools.mjs';

run('node', ['scripts/build.mjs']);
const obstacle = nativeObstacle();
if (obstacle === undefined) {
  // What the build generates is committed as it is; where it differs somebody forgot to.
  if (existsSync('.git')) run('git', ['diff', '--exit-code', '--stat', '--', 'binding.cjs', 'binding.d.cts']);
  run('cargo', ['test', '--workspace', '--locked', '--quiet']);
  console.error('The suite on the native writer:');
  run('ava', [], { KVP_TRACING_BACKEND: 'native' });
} else {
  console.error(`The tests of the native core are left out: ${obstacle}.`);
  if (process.env.CI === 'true') process.exit(1);
}
console.error('The suite on the fallback:');
run('ava', [], { KVP_TRACING_BACKEND: 'js' });
