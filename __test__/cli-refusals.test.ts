import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { done, failed, kvp, onFolder, says, wrong } from './helpers/kvp.ts';
import { flockMissing, holdLock } from './helpers/lock-holder.ts';
import { folderOf, has } from './helpers/pool-folder.ts';

// What the command line that azure-init's users script refuses, and how.

test('wrong usage is one line and exit code 2', (t) => {
  const on = onFolder(folderOf(t));
  const cases: [args: string[], message: string][] = [
    [['write', 'a'], "missing required argument 'VALUE'"],
    [['read'], "missing required argument 'KEY'"],
    [['delete-multiple'], "missing required argument 'KEY'"],
    [['read', 'a', 'b'], "too many arguments for 'read'. Expected 1 argument but got 2."],
    [['write', 'a', '-v'], "unknown option '-v'"],
    [['info', '--json=true'], "unknown option '--json=true'"],
    [['write', '--append', 'a', 'b', '--append'], "option '--append' is given more than once"],
    [['--dir', 'x', 'info'], "option '--dir' is given more than once"],
    [['load', '--file', 'a', '--file=b'], "option '--file' is given more than once"],
    [['report-success', '--agent', 'a', '--agent', 'b'], "option '--agent' is given more than once"],
    [['--unsafe', 'info', '--unsafe'], "option '--unsafe' is given more than once"],
  ];
  for (const [args, message] of cases) t.deepEqual(on(args), wrong(message));
  t.deepEqual(
    kvp(['info', '--dir=']),
    wrong("option '--dir <folder>' argument '' is invalid. It must not be empty."),
  );
});

test('commands that read or remove make no pool', (t) => {
  const dir = folderOf(t);
  for (const folder of [dir, join(dir, 'missing')]) {
    const on = onFolder(folder);
    t.deepEqual(on(['dump']), done);
    t.deepEqual(on(['dump', '--json']), says('[]\n'));
    t.deepEqual(on(['entries', '--json']), says('{}\n'));
    t.deepEqual(on(['delete', 'a']), says('false\n'));
    t.deepEqual(on(['delete-multiple', 'a']), says('0\n'));
    t.deepEqual(on(['clear']), done);
    t.deepEqual(on(['clear', '--if-stale']), done);
    t.true(on(['info']).stdout.includes('\nrecords=0\nempty=true\n'));
    t.false(existsSync(join(folder, '.kvp_pool_1')));
  }
  const path = join(dir, 'missing/.kvp_pool_1');
  const reason = `cannot open ${path}: no such file or directory (ENOENT)`;
  t.deepEqual(onFolder(join(dir, 'missing'))(['write', 'a', 'b']), failed(reason));
});

const ALL = [
  ['info'],
  ['dump'],
  ['entries'],
  ['read', 'a'],
  ['write', 'a', '1'],
  ['write', '--append', 'a', '1'],
  ['load'],
  ['append-multiple'],
  ['delete', 'a'],
  ['clear'],
  ['report-success', '--vm-id', 'v'],
  ['inspect'],
  ['repair'],
];

test('what is no pool is exit code 3, and stays as it is', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  const path = join(dir, '.kvp_pool_1');
  for (const text of [
    'no pool\n',
    'x'.repeat(2560),
    `{"a":"${'b'.repeat(6000)}"}`,
    `\u007fELF\u0002${'\0'.repeat(60)}\u0001${'\0'.repeat(3000)}`,
  ]) {
    writeFileSync(path, text);
    for (const args of text.length > 10 ? [['dump'], ['write', 'a', '1']] : ALL) {
      const { status, stdout, stderr } = on(args, 'a=1');
      t.deepEqual([status, stdout], [3, ''], args[0]);
      t.true(stderr.startsWith(`${path} is no pool: `), stderr);
    }
    t.is(readFileSync(path, 'utf8'), text);
  }
  mkdirSync(join(dir, '.kvp_pool_2'));
  const folder = join(dir, '.kvp_pool_2');
  t.deepEqual(
    on(['--pool=2', 'write', 'a', '1']),
    failed(`${folder} is a directory; a pool is a regular file. Give the path of one`),
  );
});

test('a file that is not meant to be a pool is not said to be none', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  for (const command of ['load', 'append-multiple']) {
    t.deepEqual(
      on([command, '--file', dir]),
      failed(`cannot read ${dir}: illegal operation on a directory (EISDIR)`),
    );
    const loop = join(dir, command);
    symlinkSync(loop, loop);
    t.deepEqual(
      on([command, '--file', loop]),
      failed(`cannot open ${loop}: too many symbolic links encountered (ELOOP)`),
    );
  }
});

test('a torn tail is no record and no failure', (t) => {
  const dir = folderOf(t);
  const on = onFolder(dir);
  on(['load'], 'a=1\nb=2\n');
  const path = join(dir, '.kvp_pool_1');
  writeFileSync(path, readFileSync(path).subarray(0, 4096));
  t.deepEqual(on(['dump']), says('a=1\n'));
  t.true(on(['info']).stdout.includes('\nrecords=1\n'));
  t.deepEqual(on(['write', 'c', '3']), done);
  t.deepEqual(on(['dump']), says('a=1\nc=3\n'));
});

test('what may not be written or read is exit code 3', (t) => {
  const dir = folderOf(t);
  const path = join(dir, '.kvp_pool_1');
  onFolder(dir)(['write', 'a', '1']);
  chmodSync(dir, 0o755);
  chmodSync(path, 0o444);
  // Root may do everything.
  const asOther = (args: string[]) =>
    kvp(['--dir', dir, ...args], '', process.getuid?.() === 0 ? 65534 : undefined);
  const denied = failed(`cannot open ${path}: permission denied (EACCES)`);
  t.deepEqual(asOther(['dump']), says('a=1\n'));
  t.deepEqual(asOther(['write', 'b', '2']), denied);
  t.deepEqual(asOther(['write', 'b', '2', '--dry-run']), denied);
  chmodSync(path, 0);
  t.deepEqual(asOther(['dump']), denied);
  t.deepEqual(asOther(['info']), denied);
});

test('a pool that stays locked is exit code 3', async (t) => {
  if (!has(t, flockMissing)) return;
  const dir = folderOf(t);
  const on = onFolder(dir);
  on(['write', 'a', '1']);
  const path = join(dir, '.kvp_pool_1');
  await holdLock(t, 'flock', path);
  const reason = `another process kept ${path} locked for 1000 ms (lockTimeout). Try again or raise it; kvp doctor says who holds the lock`;
  t.deepEqual(on(['write', 'a', '2']), failed(reason));
  t.deepEqual(on(['delete', 'a']), failed(reason));
  t.deepEqual(on(['clear']), failed(reason));
  t.deepEqual(on(['dump']), says('a=1\n'), 'reading goes on without the lock');
});

test('the help names the commands and their arguments, and has examples', (t) => {
  const help = kvp(['--help']);
  t.is(help.status, 0);
  t.true(help.stdout.includes('Usage: kvp [options] <command>\nUsage: libazureinit-kvp [options] <command>'));
  for (const name of ['write', 'append-multiple', 'delete-multiple', 'is-stale', 'report-failure', 'copy']) {
    t.true(help.stdout.includes(`  ${name} `), name);
    const { stdout, status } = kvp([name, '--help']);
    t.is(status, 0);
    t.true(stdout.includes(`Usage: kvp ${name}`), stdout);
    t.true(stdout.includes('\nExamples:\n  '), stdout);
  }
  const { stdout } = kvp(['write', '--help']);
  for (const part of ['--append', '<KEY>', '<VALUE>', '--dry-run']) t.true(stdout.includes(part), part);
});
