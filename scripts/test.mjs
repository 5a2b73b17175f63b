// Builds, then runs all tests: Rust's, and the suite. The last line says how many passed, failed and were left out.
import { existsSync } from 'node:fs';
import { countCargo, runCounted, TestCounts } from './count-tests.mjs';
import { runSuite } from './suite.mjs';
import { nativeObstacle, run } from './tools.mjs';

run('node', ['scripts/build.mjs']);
const counts = new TestCounts();
const obstacle = nativeObstacle();
if (obstacle === undefined) {
  // What the build generates is committed as it is; where it differs somebody forgot to.
  if (existsSync('.git')) run('git', ['diff', '--exit-code', '--stat', '--', 'binding.d.cts']);
  await runCounted(counts, countCargo, 'cargo', ['test', '--workspace', '--locked', '--quiet']);
} else {
  const reason = `the native core and the suite on its writer: ${obstacle}`;
  if (process.env.CI === 'true') counts.fail(reason);
  else counts.leaveOut(reason);
}
await runSuite(counts, obstacle === undefined ? ['native', 'js'] : ['js']);
counts.print();
process.exitCode = counts.failed > 0 ? 1 : 0;
