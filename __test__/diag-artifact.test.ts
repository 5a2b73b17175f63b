import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { diagnostics } from '../src/diagnostics/write/diagnostics-writer.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { FieldError, IoError, OptionError, TooLargeError } from '../src/errors.ts';
import { readPool } from '../src/pool/read-pool.ts';
import { folderOf } from './helpers/pool-folder.ts';

/** A folder with a writer into a pool there. */
function placeOf(t: ExecutionContext) {
  const folder = folderOf(t);
  const path = join(folder, '.kvp_pool_1');
  const writer = diagnostics(path, { agent: 'tester/1', vmId: 'vm' });
  t.teardown(() => writer.close());
  return { folder, path, writer };
}

/** The bytes of one artifact that a pool holds, decoded without the reader, and how they are encoded. */
function heldIn(path: string, id: string): { bytes: Buffer; encoding: string; records: number } {
  const own = readPool(path, { raw: true }).filter(({ key }) => key.split('|')[5] === id);
  const stored = Buffer.concat(own.map(({ rawValue }) => rawValue as Uint8Array));
  const encoding = own[0]?.key.split('|')[7] ?? '';
  const bytes = encoding === 'none' ? stored : inflateSync(Buffer.from(stored.toString(), 'base64'));
  return { bytes, encoding, records: own.length };
}

/** Bytes that nothing compresses, always the same. */
function randomBytes(length: number): Buffer {
  const parts = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash('sha256').update(`${i}`).digest(),
  );
  return Buffer.concat(parts, length);
}

test('a file is one event with its bytes, in as few records as possible', async (t) => {
  const { folder, path, writer } = placeOf(t);
  const log = Array.from({ length: 2000 }, (_, i) => `${i} a line of a log: ${i * 7919}\n`).join('');
  const file = join(folder, 'agent.log');
  writeFileSync(file, log);
  const { id, records, bytes } = await writer.artifact('agent.log', file);
  t.is(bytes, log.length);
  const least = Math.ceil(deflateSync(log, { level: 9 }).toString('base64').length / 1022);
  t.is(records, least);
  const { diagnostics: found, problems } = readDiagnosticsSync(path);
  t.deepEqual(problems, []);
  t.is(found.length, 1);
  t.like(found[0], { kind: 'event', id, name: 'agent.log', text: log });
  t.is(found[0]?.records.length, records);
});

test('a reader gets the bytes of what is no text, beside its text', async (t) => {
  const { path, writer } = placeOf(t);
  const contents = [Buffer.from('text \ufffd'), Buffer.from([0xff, 0x41]), randomBytes(5000)];
  for (const content of contents) await writer.artifact('artifact', content);
  const { diagnostics: found } = readDiagnosticsSync(path);
  t.deepEqual(
    found.map(({ bytes }) => bytes && Buffer.from(bytes)),
    [undefined, ...contents.slice(1)],
  );
  t.deepEqual(
    found.map(({ text }) => text),
    contents.map((content) => content.toString()),
  );
});

test('a link leads to its file, and a file of /proc, whose size is 0, is read to its end', async (t) => {
  const { folder, path, writer } = placeOf(t);
  symlinkSync(join(process.cwd(), 'package.json'), join(folder, 'link'));
  const link = await writer.artifact('link', join(folder, 'link'));
  t.deepEqual(heldIn(path, link.id).bytes, readFileSync('package.json'));
  const proc = await writer.artifact('version', '/proc/version');
  t.deepEqual(heldIn(path, proc.id).bytes, readFileSync('/proc/version'));
  t.is(proc.bytes, readFileSync('/proc/version').length);
});

test('text stays as it is where compressing saves nothing; what is no text or has a NUL does not', async (t) => {
  const { path, writer } = placeOf(t);
  const random = randomBytes(1300).toString('base64');
  const cases = [
    ['short', 'none'],
    ['', 'none'],
    ['é'.repeat(511), 'none'],
    ['é'.repeat(512), 'zlib+b64'],
    [random, 'none'],
    ['a\0', 'zlib+b64'],
    [Buffer.from([0xff]), 'zlib+b64'],
    [Buffer.from('é').subarray(0, 1), 'zlib+b64'],
    [Buffer.from([0xed, 0xa0, 0x80]), 'zlib+b64'],
  ] as const;
  for (const [content, encoding] of cases) {
    const bytes = Buffer.from(content as string);
    const { id, records } = await writer.artifact('artifact', bytes);
    t.deepEqual(heldIn(path, id), { bytes, encoding, records });
  }
});

test('any bytes come back, from memory or from a file', async (t) => {
  const { folder, path, writer } = placeOf(t);
  const file = join(folder, 'file');
  const anyBytes = fc.oneof(fc.uint8Array(), fc.uint8Array({ minLength: 1000, maxLength: 6000 }));
  await fc.assert(
    fc.asyncProperty(anyBytes, fc.boolean(), async (bytes, isFile) => {
      writeFileSync(file, bytes);
      const { id, ...said } = await writer.artifact('any', isFile ? file : bytes);
      const held = heldIn(path, id);
      t.deepEqual(held.bytes, Buffer.from(bytes));
      t.deepEqual(said, { records: held.records, bytes: bytes.length });
    }),
    { numRuns: 60 },
  );
});

test("bytes that are no text can't be stored as they are, though that is asked for", async (t) => {
  const { path, writer } = placeOf(t);
  await t.throwsAsync(writer.artifact('a', Buffer.from([0x61, 0xff]), { encoding: 'none' }), {
    instanceOf: FieldError,
    code: 'ERR_KVP_INVALID_FIELD',
    message: /^payload "a\ufffd" is not allowed: with encoding 'none' it must be UTF-8 without NUL/,
  });
  t.false(existsSync(path));
});

test('bytes that change after the call are written as they were', async (t) => {
  const { path, writer } = placeOf(t);
  const bytes = randomBytes(100_000);
  const was = Buffer.from(bytes);
  const written = writer.artifact('bytes', bytes);
  bytes.fill(0);
  t.deepEqual(heldIn(path, (await written).id).bytes, was);
});

test('more than maxBytes are refused with size and limit, and nothing is written', async (t) => {
  const { folder, path, writer } = placeOf(t);
  const file = join(folder, 'file');
  const most = 512 * 1024;
  writeFileSync(file, randomBytes(most));
  t.is((await writer.artifact('most', file)).bytes, most);
  const size = readPool(path).length;
  t.true(size < 1024);
  appendFileSync(file, 'x');
  const expected = { instanceOf: TooLargeError, code: 'ERR_KVP_TOO_LARGE' };
  await t.throwsAsync(writer.artifact('over', file), {
    ...expected,
    message: `${file} has ${most + 1} bytes; the limit is ${most} (maxBytes)`,
  });
  await t.throwsAsync(writer.artifact('over', Buffer.alloc(11), { maxBytes: 10 }), {
    ...expected,
    message: 'the artifact has 11 bytes; the limit is 10 (maxBytes)',
  });
  // Its size is 0: only reading shows that it is larger.
  await t.throwsAsync(writer.artifact('over', '/proc/version', { maxBytes: 10 }), {
    ...expected,
    message: '/proc/version has 11 bytes; the limit is 10 (maxBytes)',
  });
  t.is(readPool(path).length, size);
});

test('what is no regular file is refused and never waited for', async (t) => {
  const { folder, path, writer } = placeOf(t);
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  symlinkSync(fifo, join(folder, 'link'));
  for (const source of [fifo, join(folder, 'link'), folder, '/dev/zero']) {
    await t.throwsAsync(writer.artifact('a', source), {
      instanceOf: OptionError,
      message: `source must be bytes or the path of a regular file, not ${JSON.stringify(source)}`,
    });
  }
  await t.throwsAsync(writer.artifact('a', join(folder, 'gone')), {
    instanceOf: IoError,
    message: `cannot stat ${join(folder, 'gone')}: no such file or directory (ENOENT)`,
  });
  await t.throwsAsync(writer.artifact('a', 'a\0b'), { instanceOf: IoError });
  t.false(existsSync(path));
});

test('a wrong name is refused before the file is looked at', async (t) => {
  const { folder, writer } = placeOf(t);
  await t.throwsAsync(writer.artifact('a|b', join(folder, 'gone')), { instanceOf: FieldError });
  writer.close();
  await t.throwsAsync(writer.artifact('a', join(folder, 'gone')), { code: 'ERR_KVP_CLOSED' });
});
