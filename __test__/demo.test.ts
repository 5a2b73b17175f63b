import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { timeline } from '../src/diagnostics/timeline/timeline.ts';
import type { TimelineNode } from '../src/diagnostics/timeline/timeline-node.ts';
import { kvp } from './helpers/kvp.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ended, ROOT, start } from './helpers/programs.ts';

const writer = process.env['KVP_TRACING_BACKEND'] ?? 'native';

function demo(folder: string, ...args: string[]) {
  const pool = join(folder, '.kvp_pool_1');
  return ended(start({ file: 'examples/provision.ts' }, [...args, '--into', folder, '--pool', pool]));
}

/** Names and results of a tree of spans, as nested text. */
function outline(nodes: readonly TimelineNode[]): string[] {
  return nodes.flatMap(({ name, result, children }) => [
    `${name} ${result}`,
    ...outline(children).map((line) => `  ${line}`),
  ]);
}

test('the demo provisions what ovf-env.xml asks for and leaves a bad key out', async (t) => {
  const folder = folderOf(t);
  const { code, stdout, stderr } = await demo(folder);
  t.is(code, 0, stderr);
  const keys = join(folder, 'home/azureuser/.ssh/authorized_keys');
  const lines = readFileSync(keys, 'utf8').trimEnd().split('\n');
  t.deepEqual(
    lines.map((line) => line.split(' ')[2]),
    ['azureuser@laptop', 'azureuser@build'],
  );
  t.is(statSync(keys).mode & 0o777, 0o600);
  t.is(statSync(join(keys, '..')).mode & 0o777, 0o700);
  t.is(readFileSync(join(folder, 'etc/hostname'), 'utf8'), 'vm-demo-01\n');
  t.regex(readFileSync(join(folder, 'var/lib/azure/custom-data'), 'utf8'), /^#cloud-config\n/);
  t.regex(stderr, /WARN .*provision_user\{user_id=1000\}:.*SSH key is left out index=1/);
  t.regex(stdout, new RegExp(`writer: ${writer}`));
});

test('the pool and OpenTelemetry show the same tree, names and results', async (t) => {
  const folder = folderOf(t);
  const { stdout } = await demo(folder);
  const { diagnostics, problems } = readDiagnosticsSync(join(folder, '.kvp_pool_1'));
  t.deepEqual(problems, []);
  t.deepEqual(outline(timeline(diagnostics).roots), [
    'provision success',
    '  read_ovf_env success',
    '  provision_user success',
    '    configure_ssh_keys success',
    '      check_ssh_key success',
    '      check_ssh_key fail',
    '      check_ssh_key success',
    '  set_hostname success',
    '  write_custom_data success',
  ]);
  const [collected = '', pool = ''] = stdout.split('What the Azure host sees');
  const shape = (text: string) =>
    text
      .match(/^[│├└─ ]*[a-z_]+  [\d.]+ \S+  (?:success|fail)(?= |$)/gmu)
      ?.map((line) => line.replace(/  [\d.]+ \S+/, ''));
  t.is(shape(pool)?.length, 9);
  t.deepEqual(shape(collected), shape(pool));
});

test('the demo ends with the report and with where to go next, which is there', async (t) => {
  const folder = folderOf(t);
  const { stdout } = await demo(folder);
  t.regex(stdout, /^result=success\nagent=provision-demo\/0\.1\.0\npps_type=None\n/m);
  t.regex(stdout, /set_hostname .*hostname="vm-demo-01"$/m);
  const [, next = ''] = stdout.split('Where to go next:');
  const files = next.match(/(?<=^| |\()(?:docs|dist|examples)\/[\w/.-]+/gm) ?? [];
  t.true(files.length >= 4);
  for (const file of files) t.true(existsSync(new URL(file, ROOT)), file);
});

test('a file that is missing or malformed is a clear error, exit code 1, and a failure in the pool', async (t) => {
  const folder = folderOf(t);
  const malformed = join(folder, 'malformed.xml');
  writeFileSync(malformed, '<Environment><ProvisioningSection></Environment>');
  for (const path of [malformed, join(folder, 'missing.xml')]) {
    const into = folderOf(t);
    const { code, stderr } = await demo(into, path);
    t.is(code, 1);
    t.regex(stderr, /^provisioning failed: .*(malformed\.xml:1: |ENOENT)/m);
    const { diagnostics } = readDiagnosticsSync(join(into, '.kvp_pool_1'));
    t.deepEqual(outline(timeline(diagnostics).roots), ['provision fail', '  read_ovf_env fail']);
    t.true(
      diagnostics.some(
        ({ level, fields }) => level === 'ERROR' && /malformed|ENOENT/.test(String(fields['error'])),
      ),
    );
  }
});

test('the example of a store prints what it says', async (t) => {
  const pool = join(folderOf(t), '.kvp_pool_1');
  const { code, stdout, stderr } = await ended(start({ file: 'examples/pool.ts' }, [pool]));
  t.is(code, 0, stderr);
  t.deepEqual(stdout.trimEnd().split('\n'), [
    'ready 2 2',
    'agent/started',
    'agent/state',
    'ERR_KVP_VALUE_TOO_LONG KVP value length (2000) exceeds maximum (1022)',
  ]);
});

/** What examples are given: by default a pool. */
const GIVEN: Record<string, (folder: string) => string> = {
  'disk-image': (folder) => {
    const pools = join(folder, 'var/lib/hyperv');
    mkdirSync(pools, { recursive: true });
    kvp(['--dir', pools, 'copy', 'examples/pools/failed.json']);
    return folder;
  },
};

for (const example of ['diagnostics', 'rust-port', 'custom-layer', 'disk-image']) {
  test(`the example ${example}.ts prints what its comment says`, async (t) => {
    const folder = folderOf(t);
    const given = GIVEN[example]?.(folder) ?? join(folder, '.kvp_pool_1');
    const { code, stdout, stderr } = await ended(start({ file: `examples/${example}.ts` }, [given]));
    t.is(code, 0, stderr);
    const comment = readFileSync(`examples/${example}.ts`, 'utf8').match(/(?<=^ \* {5}).+\n/gm);
    t.is(stdout, comment?.join('') ?? '');
  });
}

test('the example of a filter that a signal changes does what it says', async (t) => {
  const program = start({ file: 'examples/reload.ts' }, [], { stdio: ['pipe', 'ignore', 'pipe'] });
  const lines = createInterface(program.stderr!)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  t.regex(await next(), /INFO my_agent: waiting for SIGUSR2 pid=/);
  program.kill('SIGUSR2');
  t.regex(await next(), /INFO my_agent: filter changed isVerbose=true/);
  t.regex(await next(), /DEBUG my_agent: details/);
  program.kill('SIGUSR2');
  t.regex(await next(), /INFO my_agent: filter changed isVerbose=false/);
  program.stdin?.end();
  t.deepEqual(await once(program, 'exit'), [0, null]);
});

test('the examples in folders are the programs of their guides', (t) => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/examples.mjs', '--check'], {
    encoding: 'utf8',
  });
  t.is(status, 0, stderr);
});
