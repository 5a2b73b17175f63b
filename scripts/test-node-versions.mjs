// Runs the suite of a built checkout on other versions of Node.js, taken from the npm registry.
import { run } from './tools.mjs';

for (const version of ['20', '22', '24', '26']) {
  for (const backend of ['native', 'js']) {
    console.error(`Node.js ${version}, ${backend}:`);
    const suite = ['-y', '-p', `node@${version}`, 'node', 'node_modules/ava/entrypoints/cli.mjs'];
    run('npx', suite, { KVP_TRACING_BACKEND: backend });
  }
}
