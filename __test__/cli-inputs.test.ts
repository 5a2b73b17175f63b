import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { decodeRecords } from '../src/pool/record.ts';
import { bytesOf } from './helpers/diag-records.ts';
import { failedPool, failedProvisioning } from './helpers/failed-provisioning.ts';
import { ENCODINGS, EXPORTS, item } from './helpers/host-exports.ts';
import { kvp } from './helpers/kvp.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';

const PROGRAM = fileURLToPath(new URL('dist/cli/main.cjs', ROOT));
const PAIRS = failedProvisioning();
const LINES = EXPORTS['items on lines']?.(PAIRS) as string;

/** A folder with the same pool in all forms. */
function forms(t: ExecutionContext): { pool: string; exports: string[] } {
  const folder = folderOf(t);
  const pool = join(folder, 'pool');
  writeFileSync(pool, failedPool());
  const encodings = Object.values(ENCODINGS);
  const exports = Object.values(EXPORTS).map((print, index) => {
    const path = join(folder, `export ${index}`);
    writeFileSync(path, (encodings[index % encodings.length] as (text: string) => Buffer)(print(PAIRS)));
    return path;
  });
  return { pool, exports };
}

test('every command that reads a file reads what a host shows as it reads the pool', (t) => {
  const { pool, exports } = forms(t);
  const [first = '', ...others] = exports;
  const same = (args: string[], path: string, expected: string): void => {
    const { status, stdout, stderr } = kvp([...args, path]);
    t.deepEqual([status, stderr], [0, ''], `${args} ${path}`);
    t.is(stdout.replaceAll(path, pool), expected, `${args} ${path}`);
  };
  const commands = [['show'], ['blame'], ['critical-chain'], ['inspect'], ['extract'], ['show', '--json']];
  for (const args of commands) same(args, first, kvp([...args, pool]).stdout);
  const blamed = kvp(['blame', pool]).stdout;
  for (const path of others) same(['blame'], path, blamed);
  const compared = kvp(['compare', pool, pool]).stdout;
  t.is(kvp(['compare', pool, first]).stdout.replaceAll(first, pool), compared);
});

test('of a file that is compressed, and of a folder of pools, it is said how to read them', (t) => {
  const { pool } = forms(t);
  const folder = folderOf(t);
  const packed = join(folder, 'pool of a VM.gz');
  writeFileSync(packed, gzipSync(failedPool()));
  const no = 'is no pool: it is compressed by gzip. Unpack it first, as in: zcat';
  for (const args of [['show'], ['log'], ['inspect'], ['compare', pool]]) {
    const { status, stdout, stderr } = kvp([...args, packed]);
    t.deepEqual([status, stdout, stderr], [3, '', `${packed} ${no} '${packed}' | kvp show -\n`]);
  }
  const starts = { zstd: '28b52ffd', xz: 'fd377a585a00', bzip2: '425a6839', zip: '504b0304' };
  for (const [kind, start] of Object.entries(starts)) {
    writeFileSync(packed, Buffer.concat([Buffer.from(start, 'hex'), Buffer.alloc(6000, 0x9c)]));
    t.regex(kvp(['show', packed]).stderr, new RegExp(`is compressed by ${kind}\\. Unpack it first`));
  }
  writeFileSync(join(folder, '.kvp_pool_3'), failedPool());
  const { status, stderr } = kvp(['show', folder]);
  const advice = `give --dir ${folder} instead of it, or one of its files`;
  t.deepEqual([status, stderr], [3, `${folder} is a folder of pools; ${advice}\n`]);
});

test('the standard input may be a pipe, a file or a socket', async (t) => {
  const { pool, exports } = forms(t);
  const expected = kvp(['blame', pool]).stdout;
  const [lines = ''] = exports;
  t.is(kvp(['blame', '-'], LINES).stdout, expected, 'a pipe');
  t.is(
    execFileSync('sh', ['-c', `cat "$1" | "$2" "$3" blame -`, 'sh', pool, process.execPath, PROGRAM], {
      encoding: 'utf8',
    }),
    expected,
  );
  const file = openSync(lines, 'r');
  t.is(
    spawnSync(process.execPath, [PROGRAM, 'blame', '-'], {
      stdio: [file, 'pipe', 'inherit'],
      encoding: 'utf8',
    }).stdout,
    expected,
    'a file',
  );
  closeSync(file);
  const server = createServer((socket) => socket.end(LINES));
  server.listen(join(folderOf(t), 'socket'));
  await once(server, 'listening');
  const socket = createConnection(server.address() as string);
  await once(socket, 'connect');
  const child = spawn(process.execPath, [PROGRAM, 'blame', '-'], { stdio: [socket, 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
  await once(child, 'close');
  server.close();
  socket.destroy();
  t.is(stdout, expected, 'a socket');
  t.deepEqual(kvp(['show', '-', '-'], LINES), {
    status: 2,
    stdout: '',
    stderr: '- is given more than once\n',
  });
});

test('copy and load make a pool of what a host shows, all or nothing', (t) => {
  const { pool, exports } = forms(t);
  const dir = folderOf(t);
  const written = (): [string, string][] =>
    decodeRecords(readFileSync(join(dir, '.kvp_pool_1'))).map(({ key, value }) => [key, value]);
  for (const path of [pool, ...exports]) {
    t.deepEqual(kvp(['--dir', dir, 'clear']).status, 0);
    t.deepEqual(
      kvp(['--dir', dir, 'copy', path]),
      { status: 0, stdout: `${PAIRS.length}\n`, stderr: '' },
      path,
    );
    t.deepEqual(written(), PAIRS, path);
  }
  const [lines = '', clixml = ''] = [exports[0], exports.at(-3)];
  for (const path of [pool, lines, clixml]) {
    kvp(['--dir', dir, 'write', 'other', 'x']);
    t.deepEqual(kvp(['--dir', dir, 'load', '--file', path]), { status: 0, stdout: '', stderr: '' }, path);
    t.deepEqual(written(), PAIRS, path);
  }
  const damaged = LINES.slice(0, -100);
  for (const args of [['copy', '-'], ['load'], ['append-multiple']]) {
    const { status, stdout, stderr } = kvp(['--dir', dir, ...args], damaged);
    t.deepEqual([status, stdout], [2, ''], args[0]);
    t.regex(stderr, /^the XML of the records is damaged: .*, behind record \d+\n$/);
    t.deepEqual(written(), PAIRS, args[0]);
  }
});

test('what is damaged is read as far as it goes, and said', (t) => {
  const { status, stdout, stderr } = kvp(['show', '-'], LINES.slice(0, -100));
  t.deepEqual([status, stderr], [0, '']);
  t.regex(stdout, /unreadable +record \d+: malformed, the XML of the records is damaged/);
  const none = kvp(['show', '-'], LINES.slice(0, 100));
  t.is(none.status, 3);
  t.regex(none.stderr, /^the standard input can't be read: the XML of the records is damaged: .*\n$/);
  t.is(kvp(['show', '-'], '<html><body/></html>').status, 3);
  t.is(kvp(['show', '-'], '{"a":1}').stderr.split('\n').length, 2);
});

test('inspect tells of a text what its records lack', (t) => {
  t.is(
    kvp(['inspect', '-'], `${item(['', 'x'])}${item(['a', ''])}`).stdout,
    'record=0 reason=empty_key field=key\n',
  );
  const torn = Buffer.concat([bytesOf(['a', 'b']), Buffer.from('c')]);
  const path = join(folderOf(t), 'torn');
  writeFileSync(path, torn);
  t.is(kvp(['inspect', path]).stdout, 'record=1 reason=torn_tail\n');
});
