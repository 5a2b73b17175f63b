import { readdirSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import ts from 'typescript';
import { compiled, installedIn } from './helpers/installed.ts';
import { ROOT } from './helpers/programs.ts';

test('types are what the suites in fixtures/types expect, and misuse is a type error', (t) => {
  const suites = readdirSync(new URL('__test__/fixtures/types', ROOT)).filter((name) => name.endsWith('.ts'));
  const folder = installedIn(t, 'types');
  t.deepEqual(compiled(folder, suites, { module: ts.ModuleKind.NodeNext, noEmit: true }), []);
  t.true(suites.length > 0);
});

const { Node16, NodeNext, ESNext } = ts.ModuleKind;
const { Bundler } = ts.ModuleResolutionKind;
const CONSUMERS = {
  'an ES module under node16': ['esm', { module: Node16 }],
  'an ES module under nodenext': ['esm', { module: NodeNext }],
  'an ES module under bundler': ['esm', { module: ESNext, moduleResolution: Bundler }],
  'a CommonJS module under nodenext': ['commonjs', { module: NodeNext }],
} as const;

for (const [what, [fixture, options]] of Object.entries(CONSUMERS)) {
  test(`${what} compiles strictly against the built package, and runs`, (t) => {
    const folder = installedIn(t, `consumers/${fixture}`);
    t.deepEqual(compiled(folder, ['agent.ts'], { ...options, skipLibCheck: false }), []);
    const args = ['--throw-deprecation', join(folder, 'agent.js')];
    for (const backend of ['auto', 'js']) {
      rmSync(join(folder, 'pool'), { force: true });
      const env = { ...process.env, KVP_TRACING_BACKEND: backend };
      const { heard, code, records } = JSON.parse(
        execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env }),
      ) as Record<string, unknown>;
      t.deepEqual(heard, [
        'provision_user < none {"user_id":42}',
        'Configuring SSH keys in provision_user',
        'write < provision_user {}',
        'error in write',
      ]);
      t.is(code, 'ERR_KVP_INVALID_OPTION');
      t.deepEqual(records, [
        'start provision_user',
        'event provision_user',
        'start write',
        'event write',
        'finish write',
        'finish provision_user',
      ]);
    }
  });
}
