import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { widthOf } from '../src/cli/text-width.ts';
import type { Summary } from '../src/diagnostics/summary/summary.ts';
import { bytesOf, keyOf, VM } from './helpers/diag-records.ts';
import { failedPool, failedProvisioning, restartedPool } from './helpers/failed-provisioning.ts';
import { deepPool, hostilePool } from './helpers/hostile-pool.ts';
import { type Ended, kvpOnTerminal, scriptMissing } from './helpers/kvp.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';

const KEPT = resolve('__test__/fixtures/cli');
const SAMPLES = ['azure-init-0.1', 'cloud-init-22.4', 'cloud-init-26.2', 'diag-azure-init'];
const PROGRAM = fileURLToPath(new URL('dist/cli/main.cjs', ROOT));

// What terminals of a test inherit.
process.env['LANG'] = 'C.UTF-8';
delete process.env['LC_ALL'];
delete process.env['LC_CTYPE'];

/** A folder with pools, in which the command line is called. */
function pools(t: ExecutionContext): string {
  const folder = folderOf(t);
  const write = (name: string, bytes: Buffer): void => writeFileSync(join(folder, name), bytes);
  for (const name of SAMPLES) {
    copyFileSync(`__test__/fixtures/samples/${name}.kvp_pool`, join(folder, name));
  }
  write('failed', failedPool());
  write('hostile', hostilePool());
  write('empty', Buffer.alloc(0));
  const one = 'DIAG|agent/1|vm|finish|one|1|2026-08-31T12:00:01.500Z|none|success|1.5|0';
  write('one', bytesOf([one, '{"fields":{"user":"azureuser"}}']));
  return folder;
}

function kvp(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Ended {
  const { NO_COLOR: _1, FORCE_COLOR: _2, COLUMNS: _3, ...rest } = process.env;
  const options = { cwd, encoding: 'utf8', env: { ...rest, ...env }, maxBuffer: 2 ** 28 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], options);
  return { status, stdout, stderr };
}

/** Compares with a kept file; `KVP_TEST_KEEP=1` writes it anew. */
function same(t: ExecutionContext, name: string, text: string): void {
  const path = join(KEPT, `${name}.txt`);
  if (process.env['KVP_TEST_KEEP'] === '1') writeFileSync(path, text);
  t.is(text, readFileSync(path, 'utf8'), name);
}

/** Shows a pool, and compares that with a kept file. */
function isShown(
  t: ExecutionContext,
  cwd: string,
  name: string,
  args: string[],
  env?: NodeJS.ProcessEnv,
): void {
  const { status, stdout, stderr } = kvp(cwd, args, env);
  t.deepEqual([status, stderr], [0, ''], name);
  same(t, name, stdout);
}

for (const columns of ['40', '80', '120', '200']) {
  test(`a provisioning of three agents that failed, in ${columns} columns`, (t) => {
    isShown(t, pools(t), `show-failed-${columns}`, ['show', 'failed'], { COLUMNS: columns });
  });
}

for (const name of [...SAMPLES, 'hostile', 'empty', 'one']) {
  test(`the pool ${name} is shown`, (t) => {
    isShown(t, pools(t), `show-${name}`, ['show', name], { COLUMNS: '80' });
  });
}

test('what is no terminal gets 100 columns, and ASCII where the locale is not UTF-8', (t) => {
  isShown(t, pools(t), 'show-failed-ascii', ['show', 'failed'], { LANG: 'C' });
});

test('a terminal gets colors and its own width', (t) => {
  if (!has(t, scriptMissing)) return;
  const path = join(pools(t), 'failed');
  const shown = kvpOnTerminal(100, ['show', path]);
  same(t, 'show-failed-terminal', shown);
  t.true(shown.includes('\u001b[1;31mFAILED\u001b[0m'));
  t.is(stripVTControlCharacters(shown), kvp('/', ['show', path], { COLUMNS: '100' }).stdout);
});

test('no line is longer than the terminal is wide, and no text controls it', (t) => {
  const folder = pools(t);
  writeFileSync(join(folder, 'deep'), deepPool(40));
  for (const columns of [40, 41, 59, 60, 89, 90, 139, 140, 200]) {
    const { stdout } = kvp(folder, ['show', 'failed', 'hostile', 'deep', ...SAMPLES], {
      COLUMNS: `${columns}`,
    });
    const wide = stdout.split('\n').filter((line) => widthOf(line) > columns);
    t.deepEqual(wide, [], `${columns}`);
    // eslint-disable-next-line no-control-regex
    t.notRegex(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  }
});

test('several files are shown on one axis, each under its name', (t) => {
  isShown(t, pools(t), 'show-two', ['show', 'failed', 'one'], { COLUMNS: '100' });
});

test('what an earlier boot and what others wrote is set apart', (t) => {
  const folder = pools(t);
  writeFileSync(join(folder, 'rebooted'), restartedPool());
  isShown(t, folder, 'show-rebooted', ['show', 'rebooted'], { COLUMNS: '100' });
});

test('of a file whose first records another VM wrote, as the image of this one, those are set apart', (t) => {
  const folder = pools(t);
  const other = '11111111-2222-3333-4444-555555555555';
  const finish = { kind: 'finish', name: 'other', time: '2026-08-31T11:00:00.000Z', duration: '1' };
  const byOther = ({ result }: { result: string }): Buffer =>
    bytesOf([keyOf({ ...finish, result }).replace(VM, other), '{"fields":{},"reason":"not of this VM"}']);
  writeFileSync(join(folder, 'image'), Buffer.concat([byOther({ result: 'fail' }), failedPool()]));
  // Zeros stand for an id that could not be read.
  const zeros = '00000000-0000-0000-0000-000000000000';
  const late = bytesOf([keyOf({ time: '2026-08-31T13:00:00.000Z' }).replace(VM, zeros), '{"fields":{}}']);
  writeFileSync(join(folder, 'zeros'), Buffer.concat([byOther({ result: 'fail' }), failedPool(), late]));
  for (const name of ['image', 'zeros']) {
    const { summary } = JSON.parse(kvp(folder, ['show', '--json', name]).stdout) as { summary: Summary };
    t.like(summary, { firstFailure: { name: 'dhcp' }, otherVms: { records: 1, vmIds: [other] } }, name);
    t.true(summary.vmIds.includes(VM) && !summary.vmIds.includes(other));
  }
  const shown = kvp(folder, ['show', 'image']).stdout;
  t.regex(shown, /^other VMs +1 record from 2026-08-31 11:00:00\.000 UTC to .*\n +11111111-2222/m);
  t.notRegex(kvp(folder, ['blame', 'image']).stdout, /other/);
  t.notRegex(kvp(folder, ['log', '--since', 'boot', 'image']).stdout, /not of this VM/);
  const [row] = JSON.parse(kvp(folder, ['fleet', '--json', 'image']).stdout) as [Record<string, unknown>];
  t.like(row, { vmId: VM, failed: 5, seconds: 23.700376953125 });
  // What another VM wrote later, as where the disk is now, is the VM that is asked for.
  const later = Buffer.concat([failedPool(), byOther({ result: 'success' })]);
  writeFileSync(
    join(folder, 'later'),
    Buffer.from(later.toString('latin1').replaceAll('T11:00', 'T14:00'), 'latin1'),
  );
  t.regex(kvp(folder, ['show', 'later']).stdout, /^✓ SUCCESS {2}in 1\.00 s\n/);
});

test('the pool of this VM is of an earlier boot if it was written before this one', (t) => {
  const { status, stdout } = kvp(pools(t), ['show', '--dir', '.']);
  t.deepEqual([status, stdout], [0, '· UNKNOWN  there is no record in ./.kvp_pool_1\n']);
});

test('JSON is one document with the summary and the tree', (t) => {
  const folder = pools(t);
  const { stdout } = kvp(folder, ['show', '--json', 'failed']);
  const document = JSON.parse(stdout) as Record<string, unknown> & { roots: Record<string, unknown>[] };
  t.deepEqual(Object.keys(document), ['path', 'summary', 'start', 'end', 'gaps', 'events', 'roots']);
  t.like(document, {
    path: 'failed',
    summary: { outcome: 'failure', reason: 'no lease on eth0 after 3 attempts' },
  });
  t.deepEqual(
    document.roots.map(({ name, critical }) => [name, critical]),
    [
      ['init-local', true],
      ['provision_user', true],
      ['provision', true],
    ],
  );
  const both = JSON.parse(kvp(folder, ['show', '--json', 'failed', 'one']).stdout) as { pools: unknown[] };
  t.deepEqual(both.pools[0], document);
  t.is(both.pools.length, 2);
});

test('20,000 spans, 10,000 deep, are shown, and are JSON', (t) => {
  const folder = pools(t);
  writeFileSync(join(folder, 'deep'), deepPool(10_000));
  const before = performance.now();
  t.is(
    kvp(folder, ['show', 'deep'])
      .stdout.split('\n')
      .filter((line) => line.includes('same')).length >= 10_000,
    true,
  );
  for (const args of [['show', '--json'], ['blame'], ['critical-chain']])
    t.is(kvp(folder, [...args, 'deep']).status, 0);
  t.is(kvp(folder, ['compare', 'deep', 'deep']).status, 0);
  t.true(performance.now() - before < 60_000);
});

test('a payload that is nested deeper than JSON may go is shown, and is JSON', (t) => {
  const folder = pools(t);
  const depth = 6000;
  const text = `{"fields":{"budget":${'['.repeat(depth)}${']'.repeat(depth)},"records":3}}`;
  const parts = text.match(/.{1,2000}/g) as string[];
  const records = ['event', 'start', 'finish'].flatMap((kind) =>
    parts.map((part, chunk) => {
      const id = kind === 'event' ? 'e1' : 's1';
      return [keyOf({ kind, name: 'telemetry:dropped', id, chunk }), part] as const;
    }),
  );
  writeFileSync(join(folder, 'nested'), bytesOf(...records));
  for (const args of [['show'], ['blame'], ['critical-chain'], ['compare', 'nested']]) {
    t.is(kvp(folder, [...args, 'nested']).status, 0, args[0]);
    const { status, stdout } = kvp(folder, ['--json', ...args, 'nested']);
    t.is(status, 0, args[0]);
    t.notThrows(() => JSON.parse(stdout), args[0]);
  }
  const { summary } = JSON.parse(kvp(folder, ['show', '--json', 'nested']).stdout) as {
    summary: { dropped: object[] };
  };
  t.like(summary.dropped[0], { fields: { records: 3 } });
});

test('a file that is no pool is said to be none', (t) => {
  const folder = pools(t);
  const files: [name: string, bytes: Buffer][] = [
    ['text', Buffer.from('key=value\n'.repeat(1000))],
    ['short', Buffer.from('hello\n')],
    ['zeros', Buffer.alloc(5120)],
    ['binary', readFileSync(process.execPath).subarray(0, 2560 * 40)],
    ['image', Buffer.from(Array.from({ length: 6000 }, (_, i) => (i * 7919 + (i >> 3)) & 0xff))],
  ];
  for (const [name, bytes] of files) {
    writeFileSync(join(folder, name), bytes);
    for (const args of [
      ['show', name],
      ['blame', name],
      ['critical-chain', name],
      ['compare', 'failed', name],
    ]) {
      const message = `${name} is no pool: it has no records of 2560 bytes with a key and a value\n`;
      t.deepEqual(kvp(folder, args), { status: 3, stdout: '', stderr: message }, args.join(' '));
    }
  }
  // A damaged pool is still one.
  writeFileSync(join(folder, 'torn'), failedPool().subarray(0, 2560 * 5 + 700));
  t.is(kvp(folder, ['show', 'torn']).status, 0);
});

test('blame lists spans by their own time', (t) => {
  const folder = pools(t);
  isShown(t, folder, 'blame', ['blame', 'failed']);
  isShown(t, folder, 'blame-40', ['blame', 'failed'], { COLUMNS: '40' });
  const list = JSON.parse(kvp(folder, ['blame', '--json', 'failed']).stdout) as object[];
  t.is(list.length, 12);
  t.like(list[0], {
    name: 'dhcp',
    path: ['provision', 'network', 'dhcp'],
    result: 'fail',
    state: 'finished',
  });
  isShown(t, folder, 'blame-empty', ['blame', 'empty']);
});

test('critical-chain shows what the end had to wait for', (t) => {
  const folder = pools(t);
  isShown(t, folder, 'critical-chain', ['critical-chain', 'failed']);
  isShown(t, folder, 'critical-chain-40', ['critical-chain', 'failed'], { COLUMNS: '40' });
  const { path, chain } = JSON.parse(kvp(folder, ['critical-chain', '--json', 'failed']).stdout) as {
    path: string;
    chain: object[];
  };
  t.is(path, 'failed');
  t.like(chain[0], { name: 'init-local', depth: 0, offset: 8.1, duration: 5.8 });
  t.like(chain[4], { gap: true, duration: 0.3 });
});

test('compare says what differs between two boots', (t) => {
  const folder = pools(t);
  const slower = failedProvisioning()
    .filter(
      ([key]) => !key.startsWith('azure-init') && !key.includes('PROVISIONING') && !key.includes('|tidy_up|'),
    )
    .map(([key, value]): [string, string] => [
      key.replace('fail|14.800114', 'success|19.5').replace('fail|15.800377', 'success|20.25'),
      value.replace('"duration":3.1', '"duration":9.25').replace(/"reason":"no lease[^}]*/, '"x":1'),
    ]);
  writeFileSync(join(folder, 'slower'), bytesOf(...slower));
  isShown(t, folder, 'compare', ['compare', 'failed', 'slower']);
  isShown(t, folder, 'compare-40', ['compare', 'failed', 'slower'], { COLUMNS: '40' });
  isShown(t, folder, 'compare-same', ['compare', 'failed', 'failed']);
  const { before, spans } = JSON.parse(kvp(folder, ['compare', '--json', 'failed', 'slower']).stdout) as {
    before: object;
    spans: { name: string; result?: string }[];
  };
  t.like(before, { path: 'failed', summary: { outcome: 'failure' } });
  t.deepEqual(
    spans.filter(({ result }) => result === 'fixed').map(({ name }) => name),
    ['provision', 'network'],
  );
  t.is(kvp(folder, ['compare', 'failed']).status, 2);
});
