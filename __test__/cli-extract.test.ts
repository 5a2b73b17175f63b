import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { diagnostics } from '../src/index.ts';
import { fileNames } from '../src/cli/file-names.ts';
import { bytesOf, keyOf, VM } from './helpers/diag-records.ts';
import { EXPORTS } from './helpers/host-exports.ts';
import { kvp, kvpInShell } from './helpers/kvp.ts';
import { folderOf } from './helpers/pool-folder.ts';

const CLOUD_INIT = '__test__/fixtures/samples/cloud-init-26.2.kvp_pool';
const BINARY = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * index) % 256));
const TRACEBACK = 'Traceback (most recent call last):\n  boom\n';

/** A folder with a pool that this package's writer fills. */
async function filledPool(t: ExecutionContext): Promise<string> {
  const dir = folderOf(t);
  using writer = diagnostics(join(dir, '.kvp_pool_1'), { agent: 'agent/1', vmId: VM });
  await writer.artifact('binary', BINARY);
  await writer.event('format_disk', { device: '/dev/sdb' });
  await writer.artifact('mkfs.log', Buffer.from('one\n'));
  await writer.artifact('mkfs.log', Buffer.from('two'));
  await writer.artifact('fields.json', Buffer.from('{"fields":{}}'));
  await writer.event('note', 'two partitions');
  const report = `result=error|reason=no|agent=agent/1|traceback_base64=${Buffer.from(TRACEBACK).toString('base64')}`;
  kvp(['--dir', dir, 'write', 'PROVISIONING_REPORT', report]);
  return dir;
}

/** A pool with a payload of a name that a writer of this package refuses, or of any bytes. */
function foreignPool(t: ExecutionContext, ...files: [name: string, packed: Buffer | string][]): string {
  const path = join(folderOf(t), 'pool');
  const records = files.flatMap(([name, payload], file): [string, string][] => {
    const isPacked = typeof payload !== 'string';
    const stored = isPacked ? deflateSync(payload).toString('base64') : payload;
    const chunks = stored.match(/[^]{1,1000}/g) ?? [''];
    const encoding = isPacked ? 'zlib+b64' : 'none';
    return chunks.map((text, chunk) => [keyOf({ name, id: `${file}`, encoding, chunk }), text]);
  });
  writeFileSync(path, bytesOf(...records));
  return path;
}

test('extract lists what lies in a pool, with sizes, and writes one or all', async (t) => {
  const dir = await filledPool(t);
  const on = (...args: string[]) => kvp(['--dir', dir, 'extract', ...args]);
  const listed = [
    '5000 artifact binary',
    '4 artifact mkfs.log',
    '3 artifact mkfs-2.log',
    '13 artifact fields.json',
    '14 text note',
    '42 traceback traceback.txt',
    '',
  ];
  t.deepEqual(on(), { status: 0, stdout: listed.join('\n'), stderr: '' });
  const out = join(dir, 'out');
  const all = ['binary', 'mkfs.log', 'mkfs-2.log', 'fields.json', 'note', 'traceback.txt'];
  t.deepEqual(on('-o', out), {
    status: 0,
    stdout: all.map((name) => `${join(out, name)}\n`).join(''),
    stderr: '',
  });
  t.deepEqual(readdirSync(out).sort(), [...all].sort());
  t.deepEqual(readFileSync(join(out, 'binary')), BINARY);
  t.is(readFileSync(join(out, 'mkfs.log'), 'utf8'), 'one\n');
  t.is(readFileSync(join(out, 'mkfs-2.log'), 'utf8'), 'two');
  t.is(readFileSync(join(out, 'fields.json'), 'utf8'), '{"fields":{}}');
  t.is(readFileSync(join(out, 'traceback.txt'), 'utf8'), TRACEBACK);
  for (const name of all) t.is(statSync(join(out, name)).mode & 0o777, 0o600);
  const two = join(dir, 'two');
  t.is(on('mkfs.log', '-o', two).stdout, `${join(two, 'mkfs.log')}\n${join(two, 'mkfs-2.log')}\n`);
  t.is(on('mkfs-2.log', '-o', join(dir, 'one')).stdout, `${join(dir, 'one', 'mkfs-2.log')}\n`);
  const missing = on('gone');
  t.deepEqual([missing.status, missing.stdout], [1, '']);
  t.regex(missing.stderr, /^there is no file "gone" in .*; kvp extract lists those there are\n$/);
  const [first] = JSON.parse(on('--json').stdout) as Record<string, unknown>[];
  t.like(first, { name: 'binary', file: 'binary', kind: 'artifact', size: 5000, agent: 'agent/1' });
  const [one] = JSON.parse(on('--json', 'note', '-o', out, '--force').stdout) as Record<string, unknown>[];
  t.like(one, { name: 'note', path: join(out, 'note') });
});

test('a file is told from a name, and any form of a pool is read', async (t) => {
  const dir = await filledPool(t);
  const pool = join(dir, '.kvp_pool_1');
  const listed = kvp(['--dir', dir, 'extract']).stdout;
  t.is(kvp(['extract', pool]).stdout, listed);
  t.is(kvp(['extract', 'note', pool, '-o', join(dir, 'a')]).stdout, `${join(dir, 'a', 'note')}\n`);
  const dump = kvp(['--dir', dir, 'dump', '--json']).stdout;
  t.is(kvp(['extract', '-'], dump).stdout, listed);
  t.is(kvp(['extract', 'note', '-', '-o', join(dir, 'b')], dump).status, 0);
  const pairs = (JSON.parse(dump) as { key: string; value: string }[]).map(
    ({ key, value }) => [key, value] as const,
  );
  t.is(kvp(['extract', '-'], EXPORTS['Export-Clixml of items']?.(pairs)).stdout, listed);
  t.is(kvp(['--dir', dir, 'extract', 'note', pool]).status, 2);
  t.is(kvp(['extract', 'note', join(dir, 'gone')]).status, 3);
});

test("cloud-init's compressed logs are unpacked", (t) => {
  const out = folderOf(t);
  const { stdout } = kvp(['extract', CLOUD_INIT]);
  const [, size] = /^(\d+) log cloud-init\.log$/m.exec(stdout) ?? [];
  t.is(kvp(['extract', 'cloud-init.log', CLOUD_INIT, '-o', out]).status, 0);
  t.is(statSync(join(out, 'cloud-init.log')).size, Number(size));
  t.regex(readFileSync(join(out, 'cloud-init.log'), 'utf8'), /^2026-08-31 12:00:00 - util\.py/);
});

test('nothing is written outside of the folder, whatever names a pool has', (t) => {
  const names = [
    '../../escape',
    '/etc/passwd',
    '..',
    '.',
    './',
    'a/../../b',
    '..\\..\\w.txt',
    'C:\\x.txt',
    '.bashrc',
    '-rf',
    '~',
    'a\u001b[2Jb',
    'new\nline',
    '\u202etxt.exe',
    'x'.repeat(300),
    '日'.repeat(100),
    'CON',
    ' ',
    'A.log',
    'a.log',
    'ä.log',
    'a\u0308.log',
    '*',
  ];
  const pool = foreignPool(
    t,
    ...names.map((name): [string, string] => [name, `content of ${name.length}\nx`]),
  );
  const outer = folderOf(t);
  const out = join(outer, 'out');
  const { status, stdout, stderr } = kvp(['extract', pool, '-o', out]);
  t.deepEqual([status, stderr], [0, '']);
  t.deepEqual(readdirSync(outer), ['out']);
  const written = readdirSync(out);
  t.is(written.length, names.length);
  t.is(stdout.split('\n').length, names.length + 1);
  for (const name of written) {
    t.true(lstatSync(join(out, name)).isFile(), name);
    t.regex(name, /^[^.\-~/\\\p{Cc}\u202e][^/\\\p{Cc}\u202e]*$/u);
  }
  t.is(new Set(written.map((name) => name.normalize('NFKC').toLowerCase())).size, names.length);
});

test('names get numbers that no other name has, also many', (t) => {
  t.deepEqual(fileNames(['a.b', 'a-2.b', 'a.b', 'A.B', 'a-2.b']), [
    'a.b',
    'a-2.b',
    'a-3.b',
    'A-4.B',
    'a-2-2.b',
  ]);
  const many = fileNames(Array.from({ length: 50_000 }, () => 'x.log'));
  t.is(new Set(many).size, many.length);
});

test('what is there stays, and links are not followed; --force replaces both', (t) => {
  const pool = foreignPool(t, ['a.log', 'new a'], ['b.log', 'new b']);
  const out = folderOf(t);
  const target = join(folderOf(t), 'target');
  writeFileSync(target, 'old');
  for (const [what, place] of [
    ['a file', (path: string) => writeFileSync(path, 'old')],
    ['a link', (path: string) => symlinkSync(target, path)],
    ['a link to nothing', (path: string) => symlinkSync(join(out, 'gone'), path)],
  ] as const) {
    const folder = join(out, what);
    mkdirSync(folder);
    place(join(folder, 'b.log'));
    const refused = kvp(['extract', pool, '-o', folder]);
    t.deepEqual([refused.status, refused.stdout], [3, ''], what);
    t.regex(
      refused.stderr,
      /b\.log is there already; nothing was written\. Give another folder by -o, or --force/,
    );
    t.deepEqual(readdirSync(folder), ['b.log'], what);
    t.is(kvp(['extract', pool, '-o', folder, '--force']).status, 0, what);
    t.true(lstatSync(join(folder, 'b.log')).isFile(), what);
    t.is(readFileSync(join(folder, 'b.log'), 'utf8'), 'new b');
    t.is(statSync(join(folder, 'b.log')).mode & 0o777, 0o600);
    t.deepEqual(readdirSync(folder).sort(), ['a.log', 'b.log'], what);
  }
  t.is(readFileSync(target, 'utf8'), 'old');
  t.false(existsSync(join(out, 'gone')));
  const folder = join(out, 'folder');
  mkdirSync(join(folder, 'b.log'), { recursive: true });
  t.is(kvp(['extract', pool, '-o', folder, '--force']).status, 3);
  t.deepEqual(readdirSync(folder), ['b.log']);
  const link = join(out, 'to folder');
  symlinkSync(folderOf(t), link);
  t.is(kvp(['extract', pool, '-o', link]).status, 0, 'a folder that is a link is the user’s choice');
  t.is(kvp(['extract', pool, '-o', join(out, 'no', 'such')]).status, 3);
  t.is(kvp(['extract', pool, '-o', target]).status, 3);
});

test('nothing is left where the disk is full', (t) => {
  const pool = foreignPool(t, ['a.log', 'x'.repeat(900)], ['b.log', Buffer.alloc(2_000_000, 'y')]);
  const out = join(folderOf(t), 'out');
  // The limit of a file's size stands for the disk's.
  const line = `trap '' XFSZ; ulimit -f 100; "$0" "$@"`;
  const { status, stderr } = kvpInShell(line, ['extract', pool, '-o', out]);
  t.is(status, 3);
  t.regex(stderr, /EFBIG/);
  t.deepEqual(readdirSync(out), []);
});

test('what unpacks to too much is not unpacked, and said', (t) => {
  const pool = foreignPool(t, ['bomb', Buffer.alloc(20 * 1024 * 1024)], ['good.log', 'x']);
  const { status, stdout, stderr } = kvp(['extract', pool]);
  t.deepEqual([status, stdout], [0, '1 artifact good.log\n']);
  t.regex(
    stderr,
    /^one payload can't be read, which kvp show names; the first: the payload unpacks to more than 16777216 bytes\n$/,
  );
  t.is(kvp(['-q', 'extract', pool]).stderr, '');
  t.regex(kvp(['extract', foreignPool(t)]).stderr, /^no files lie in .*\n$/);
});
