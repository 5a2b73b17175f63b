import { readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { failedPool } from './helpers/failed-provisioning.ts';
import { failed, kvp, kvpOnTerminal, onFolder, says, scriptMissing, wrong } from './helpers/kvp.ts';
import { folderOf, has } from './helpers/pool-folder.ts';

// The store's operations of the command line, and dry runs of all that changes a pool.

const RECORD = 2560;

/** Damages a pool of three records: a value that is not UTF-8, an empty key, and a torn tail. */
function damage(path: string): void {
  const pool = readFileSync(path);
  pool[512] = 0xff;
  pool.fill(0, RECORD, RECORD + 512);
  writeFileSync(path, Buffer.concat([pool, Buffer.from('torn')]));
}

test('inspect lists defects, repair mends them, and a dry run says so before', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  const path = join(dir, '.kvp_pool_1');
  t.deepEqual(on(['inspect']), says(''), 'no pool has no defects');
  on(['load'], 'a=1\nb=2\nc=3\n');
  t.deepEqual(on(['inspect']), says(''));
  t.deepEqual(on(['inspect', '--json']), says('[]\n'));
  t.deepEqual(on(['repair']), says(''));
  damage(path);
  const damaged = readFileSync(path);
  const defects = `record=0 reason=invalid_utf8 field=value
record=1 reason=empty_key field=key
record=3 reason=torn_tail
`;
  t.deepEqual(on(['inspect']), says(defects));
  t.deepEqual(kvp(['inspect', path]), says(defects));
  t.deepEqual(
    on(['--json', 'inspect']),
    says(
      '[{"record":0,"reason":"invalid_utf8","field":"value"},{"record":1,"reason":"empty_key","field":"key"},{"record":3,"reason":"torn_tail"}]\n',
    ),
  );
  const repairs = `record=0 reason=invalid_utf8 field=value action=re-encoded
record=1 reason=empty_key field=key action=dropped
record=3 reason=torn_tail action=cut
`;
  t.deepEqual(on(['repair', '--dry-run']), says(repairs, 'nothing was changed\n'));
  t.deepEqual(on(['repair', '--dry-run', '-q']), says(repairs));
  t.deepEqual(readFileSync(path), damaged);
  t.deepEqual(on(['repair']), says(repairs));
  t.deepEqual(on(['dump']), says('a=\ufffd\nc=3\n'));
  t.deepEqual(on(['inspect']), says(''));
  t.deepEqual(on(['inspect', path]), wrong('a path and --pool or --dir exclude each other'));
  const missing = join(dir, 'missing');
  t.deepEqual(
    kvp(['inspect', missing]),
    failed(`cannot open ${missing}: no such file or directory (ENOENT)`),
  );
});

test('on a terminal the host stops at the first record that is no UTF-8; at others it would', (t) => {
  if (!has(t, scriptMissing)) return;
  const path = join(folderOf(t), 'pool');
  const bytes = failedPool();
  for (const record of [2, 5, 7]) bytes[record * 2560] = 0xff;
  writeFileSync(path, bytes);
  const shown = kvpOnTerminal(100, ['inspect', path]);
  t.deepEqual(shown.match(/the host .*/g), [
    'the host stops reading here',
    'the host would stop here, too',
    'the host would stop here, too',
  ]);
});

test('copy appends the records of a pool or of what dump --json prints, all or none', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  const [pool, other] = [join(dir, '.kvp_pool_1'), join(dir, '.kvp_pool_3')];
  on(['load'], 'a=1\n');
  on(['--pool', '3', '--unsafe', 'load'], `a=2\nb=x=y\\u000az\n`);
  t.deepEqual(on(['copy', other]), says('2\n'));
  t.deepEqual(on(['dump']), says('a=1\na=2\nb=x=y\\u000az\n'));
  const json = on(['--pool', '3', 'dump', '--json']).stdout;
  const file = join(dir, 'dump.json');
  writeFileSync(file, json);
  t.deepEqual(on(['copy', '--json', file]), says('{"copied":2}\n'));
  t.deepEqual(on(['copy', '-'], json), says('2\n'));
  t.deepEqual(on(['copy', '-'], '[]'), says('0\n'));
  t.is(on(['info', '--json']).stdout.match(/"records":(\d+)/)?.[1], '7');
  t.deepEqual(
    kvp(['--dir', dir, '--pool', 'auto', 'copy', '-'], readFileSync(pool, 'latin1')),
    says('7\n'),
    'bytes of a pool on the standard input',
  );
  const before = readFileSync(pool);
  const long = JSON.stringify([
    { key: 'ok', value: '1' },
    { key: 'long', value: 'x'.repeat(1500) },
  ]);
  t.deepEqual(on(['copy', '-'], long), wrong('KVP value length (1500) exceeds maximum (1022) (record 1)'));
  t.deepEqual(
    on(['copy', '-'], 'a=1\n'),
    failed('the standard input is no pool: it has no records of 2560 bytes with a key and a value'),
  );
  t.deepEqual(on(['copy', pool]), wrong(`${pool} is the pool itself`));
  symlinkSync(pool, join(dir, 'link'));
  t.is(on(['copy', join(dir, 'link')]).status, 2);
  t.is(on(['copy', join(dir, 'missing')]).status, 3);
  t.is(on(['copy', dir]).status, 3);
  t.deepEqual(on(['copy', '--dry-run', other]).stdout.split('\n').slice(0, 1), [
    `would add 2 records; ${pool} would have 9 records`,
  ]);
  t.deepEqual(readFileSync(pool), before);
  t.deepEqual(on(['--unsafe', 'copy', '-'], long), says('2\n'));
});

test('a dry run says what would change, and changes nothing', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  const path = join(dir, '.kvp_pool_1');
  on(['load'], 'a=1\na=2\nb=3\\u000a4\n');
  utimesSync(path, 1, 1);
  const before = [readFileSync(path), statSync(path).mtimeMs];
  const would = (change: string, records: string, ...lines: string[]) =>
    says([`would ${change}; ${path} would have ${records}`, ...lines, ''].join('\n'));
  const dry = (args: string[], input?: string) => on([...args, '--dry-run'], input);
  const removed = ['- a=1', '- a=2', '- b=3\\u000a4'];
  t.deepEqual(dry(['write', 'c', 'x']), would('add 1 record', '4 records', '+ c=x'));
  t.deepEqual(
    dry(['write', 'a', '2']),
    would('remove 1 record', '2 records', '- a=1'),
    'a record that stays is not named',
  );
  t.deepEqual(dry(['write', '--append', 'a', '2']), would('add 1 record', '4 records', '+ a=2'));
  t.deepEqual(dry(['append-multiple'], 'x=1\ny=2\n'), would('add 2 records', '5 records', '+ x=1', '+ y=2'));
  t.deepEqual(
    dry(['load'], 'x=1\n'),
    would('remove 3 records and add 1 record', '1 record', ...removed, '+ x=1'),
  );
  t.deepEqual(
    dry(['load'], 'a=2\na=1\nb=3\\u000a4\n'),
    says(`would change the order of the records in ${path}\n`),
  );
  t.deepEqual(dry(['delete', 'a']), would('remove 2 records', '1 record', '- a=1', '- a=2'));
  t.deepEqual(dry(['delete-multiple', 'b', 'z']), would('remove 1 record', '2 records', '- b=3\\u000a4'));
  t.deepEqual(dry(['delete', 'z']), says(`would change nothing in ${path}\n`));
  for (const args of [['clear'], ['clear', '--if-stale']]) {
    t.deepEqual(dry(args), would('remove 3 records', '0 records', ...removed));
  }
  t.deepEqual(
    dry(['delete', 'a', '--json']),
    says(
      `{"path":"${path}","records":1,"removed":[{"key":"a","value":"1"},{"key":"a","value":"2"}],"added":[]}\n`,
    ),
  );
  const { stdout } = dry(['report-failure', '--reason', 'r', '--vm-id', 'v']);
  t.regex(
    stdout,
    /^would add 1 record; .* 4 records\n\+ PROVISIONING_REPORT=result=error\|reason=r\|.*\|vm_id=v\|.*\n$/,
  );
  t.deepEqual(dry(['write', 'k'.repeat(300), 'v']), wrong('KVP key length (300) exceeds maximum (254)'));
  t.deepEqual(dry(['load'], 'x'), wrong('line 1 must be in key=value format'));
  t.deepEqual([readFileSync(path), statSync(path).mtimeMs], before);
  utimesSync(path, new Date(), new Date());
  t.deepEqual(dry(['clear', '--if-stale']), says(`would change nothing in ${path}\n`));
});

test('a dry run where no pool is makes none, and fails where it could not be made', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  const path = join(dir, '.kvp_pool_1');
  t.deepEqual(
    on(['write', 'a', '1', '--dry-run']),
    says(`would add 1 record; ${path} would have 1 record\n+ a=1\n`),
  );
  t.deepEqual(on(['clear', '--dry-run']), says(`would change nothing in ${path}\n`));
  t.deepEqual(on(['delete', 'a', '--dry-run']), says(`would change nothing in ${path}\n`));
  t.throws(() => statSync(path), { code: 'ENOENT' });
  const missing = join(dir, 'missing');
  const reason = `cannot open ${missing}/.kvp_pool_1: no such file or directory (ENOENT)`;
  t.deepEqual(kvp(['--dir', missing, 'write', 'a', '1', '--dry-run']), failed(reason));
  symlinkSync('/dev/null', path);
  t.deepEqual(
    on(['write', 'a', '1', '--dry-run']),
    failed(`${path} is a symbolic link; a pool is a regular file. Give the path of one`),
  );
});

test('a dry run of damage says what repairing does to the records', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  const path = join(dir, '.kvp_pool_1');
  on(['load'], 'a=1\nb=2\nc=3\n');
  damage(path);
  t.deepEqual(
    on(['delete', 'c', '--dry-run']),
    says(`would remove 1 record; ${path} would have 2 records\n- c=3\n`),
  );
});
