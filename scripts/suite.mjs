import { readdirSync } from 'node:fs';
import { compileTests } from './compile-tests.mjs';
import { countTap, runCounted } from './count-tests.mjs';

/** The test files that write or change pools by the writer of their process. */
const ON_EACH_WRITER = [
  'azure-init-format',
  'azure-init-reader',
  'bounded-cache',
  'channels',
  'cli',
  'cli-doctor',
  'cli-doctor-surroundings',
  'cli-drop-in',
  'cli-everywhere',
  'cli-examples',
  'cli-extract',
  'cli-fleet',
  'cli-html',
  'cli-inputs',
  'cli-log',
  'cli-log-follow',
  'cli-refusals',
  'cli-replay',
  'cli-replay-refusals',
  'fleet-guide',
  'cli-store',
  'cli-terminal',
  'cli-show',
  'cloud-init-reader',
  'demo',
  'diag-artifact',
  'diag-fields',
  'diag-writer',
  'docs',
  'dry-run-store',
  'durability',
  'error-table',
  'exits',
  'failure-reason',
  'fake-timers',
  'fallback',
  'foreign-files',
  'format',
  'hostile',
  'hostile-layers',
  'hyperv',
  'inheritance',
  'json-layer',
  'key-layout',
  'kill',
  'kvp-layer',
  'memory-limit',
  'messages',
  'module-systems',
  'missing-folder',
  'obstacles',
  'one-trace',
  'opentelemetry-variables',
  'option-kinds',
  'options',
  'package',
  'parents-elsewhere',
  'pool-export',
  'pool-identity',
  'reader',
  'reading-files',
  'redact',
  'register',
  'replay',
  'replay-export',
  'report',
  'relative-paths',
  'reporter',
  'reporter-limits',
  'rewriter',
  'services',
  'set-up-anywhere',
  'setup',
  'setup-reload',
  'setup-shutdown',
  'shown-name',
  'signal-listeners',
  'signals',
  'slow-disk',
  'span-processor',
  'span-processor-mirrored',
  'stale',
  'store',
  'store-errors',
  'store-locks',
  'store-properties',
  'system-calls',
  'timeline-inference',
  'values-fuzz',
];

/**
 * Runs the suite by `command`, which is Node.js: the files that need a writer on each of `writers`, the others once,
 * where every writer is refused. So a test that needs a writer and is not named above fails. `includes` says which
 * files are run, by name.
 */
export async function runSuite(
  counts,
  writers,
  [program, ...options] = [process.execPath],
  includes = () => true,
) {
  const folder = compileTests();
  const files = readdirSync('__test__').filter((name) => name.endsWith('.test.ts'));
  const gone = ON_EACH_WRITER.filter((name) => !files.includes(`${name}.test.ts`));
  if (gone.length > 0)
    throw new Error(`scripts/suite.mjs names tests that are not there: ${gone.join(', ')}`);
  for (const writer of [...writers, 'none']) {
    console.error(`The suite ${writer === 'none' ? 'without a writer' : `on the writer ${writer}`}:`);
    const chosen = files
      .map((name) => name.replace(/\.test\.ts$/, ''))
      .filter((name) => ON_EACH_WRITER.includes(name) !== (writer === 'none') && includes(name))
      .map((name) => `${folder}/__test__/${name}.test.js`);
    const args = [...options, 'node_modules/ava/entrypoints/cli.mjs', '--tap', ...chosen];
    const env = { KVP_TEST_COMPILED: folder, KVP_TRACING_BACKEND: writer };
    await runCounted(counts, countTap, program, args, env);
  }
}
