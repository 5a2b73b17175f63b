import { spawnSync } from 'node:child_process';
import test from 'ava';
import { ROOT } from './helpers/programs.ts';

test('the public types are those of the reports in docs/api', (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/api.mjs', '--check'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  t.is(status, 0, stderr);
});
