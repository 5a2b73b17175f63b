import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { kvp, kvpOnTerminal, scriptMissing } from './helpers/kvp.ts';
import { folderOf, has } from './helpers/pool-folder.ts';

// What a terminal gets of the drop-in commands, compared whole with kept files that were read.

// What terminals of a test inherit.
process.env['LANG'] = 'C.UTF-8';
delete process.env['LC_ALL'];
delete process.env['LC_CTYPE'];

const KEPT = '__test__/fixtures/cli';

/** A folder with a pool of several writers, damage and texts that would control a terminal. */
function poolFolder(t: ExecutionContext): string {
  const dir = folderOf(t);
  const path = join(dir, '.kvp_pool_1');
  copyFileSync('__test__/fixtures/samples/diag-azure-init.kvp_pool', path);
  const cloudInit = readFileSync('__test__/fixtures/samples/cloud-init-26.2.kvp_pool').subarray(0, 2560 * 12);
  writeFileSync(path, Buffer.concat([readFileSync(path), cloudInit]));
  kvp(
    ['--dir', dir, 'append-multiple'],
    JSON.stringify([
      { key: 'Role', value: 'web 日本語 🚀 e\u0301' },
      { key: 'odd\u001b[2J', value: 'line 1\nline 2\u202e' },
      {
        key: 'PROVISIONING_REPORT',
        value: 'result=error|reason=no lease|agent=azure-init/0.1.1|vm_id=v|pps_type=None',
      },
    ]),
  );
  const pool = readFileSync(path);
  pool.fill(0xff, pool.length - 2560 + 512, pool.length - 2560 + 514);
  writeFileSync(path, Buffer.concat([pool, Buffer.alloc(100, 'x')]));
  return dir;
}

/** Compares with a kept file; `KVP_TEST_KEEP=1` writes it anew. */
function same(t: ExecutionContext, name: string, given: string, dir: string): void {
  const text = given.replaceAll(dir, '/var/lib/hyperv').replace(/^(backend +)(native|js)$/m, '$1native');
  const path = join(KEPT, name);
  if (process.env['KVP_TEST_KEEP'] === '1') writeFileSync(path, text);
  t.is(text, readFileSync(path, 'utf8'), name);
}

for (const columns of [40, 80, 200]) {
  test(`on a terminal of ${columns} columns listings are tables that fit`, (t) => {
    if (!has(t, scriptMissing)) return;
    const dir = poolFolder(t);
    for (const args of [['info'], ['dump'], ['entries'], ['inspect'], ['repair', '--dry-run']]) {
      const shown = kvpOnTerminal(columns, ['--dir', dir, ...args]);
      same(t, `${args[0]}-${columns}.txt`, shown, dir);
    }
  });
}

test('on a terminal single values are as in a pipe, but controls are escaped and lines kept', (t) => {
  if (!has(t, scriptMissing)) return;
  const dir = poolFolder(t);
  const on = (...args: string[]) => kvpOnTerminal(80, ['--dir', dir, ...args]);
  t.is(on('read', 'Role'), 'web 日本語 🚀 e\u0301\n');
  t.is(on('read', 'odd\u001b[2J'), 'line 1\nline 2\\u{202e}\n');
  t.is(on('is-stale'), 'false\n');
  t.is(on('delete', 'nope'), 'false\n');
  t.is(on('info', '--json'), kvp(['--dir', dir, 'info', '--json']).stdout);
  t.is(on('dump', '--json'), kvp(['--dir', dir, 'dump', '--json']).stdout);
});

test('where the locale is not UTF-8 the bar of the budget is ASCII', (t) => {
  if (!has(t, scriptMissing)) return;
  const shown = kvpOnTerminal(80, ['--dir', poolFolder(t), 'info'], { LANG: 'C' });
  t.true(shown.includes('\nbudget       #-----------------------------  3 % of 1,024 records\n'), shown);
});

test('an empty pool has no table and no defects', (t) => {
  if (!has(t, scriptMissing)) return;
  const dir = folderOf(t);
  t.is(kvpOnTerminal(80, ['--dir', dir, 'dump']), '');
  t.is(kvpOnTerminal(80, ['--dir', dir, 'inspect']), `no defects in ${dir}/.kvp_pool_1\n`);
  same(t, 'info-empty.txt', kvpOnTerminal(80, ['--dir', dir, 'info']), dir);
});
