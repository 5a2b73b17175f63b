// Runs the suite of a built checkout on other versions of Node.js, taken from the npm registry.
import { TestCounts } from './count-tests.mjs';
import { runSuite } from './suite.mjs';

const counts = new TestCounts();
for (const version of ['20', '22', '24', '26']) {
  console.error(`Node.js ${version}:`);
  await runSuite(counts, ['native', 'js'], ['npx', '-y', '-p', `node@${version}`, 'node']);
}
counts.print();
process.exitCode = counts.failed > 0 ? 1 : 0;
