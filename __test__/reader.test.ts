import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { parseTimestamp } from '../src/diagnostics/collect/timestamp.ts';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { readDiagnostics, readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { IoError, NotAPoolFileError, OptionError } from '../src/errors.ts';
import { KEY_SIZE, RECORD_SIZE } from '../src/pool/limits.ts';
import { readPool } from '../src/pool/read-pool.ts';
import { decodeRecords } from '../src/pool/record.ts';
import { bytesOf, framedBytes, good, keyOf, payload, SAMPLE, VM } from './helpers/diag-records.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { TYPESCRIPT } from './helpers/programs.ts';

/** The one diagnostic of an event whose payload, as stored, is split into pieces of so many bytes. */
function readSplit(stored: string | Buffer, size: number, encoding = 'none'): Diagnostic | undefined {
  const bytes = Buffer.from(stored as string);
  const records: [string, Buffer][] = [];
  for (let start = 0; start < bytes.length; start += size) {
    records.push([keyOf({ encoding, chunk: records.length }), bytes.subarray(start, start + size)]);
  }
  return readDiagnosticsSync(bytesOf(...records)).diagnostics[0];
}

function folder(t: { teardown(fn: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'kvp-reader-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

test('a folder is no pool, whoever reads it, by a link too', async (t) => {
  const folder = folderOf(t);
  const link = join(folder, 'link');
  symlinkSync(folder, link);
  for (const path of [folder, link, '/']) {
    const expected = { instanceOf: NotAPoolFileError, code: 'ERR_KVP_NOT_A_POOL_FILE' };
    t.throws(() => readDiagnosticsSync(path), expected, path);
    await t.throwsAsync(readDiagnostics(path), expected, path);
  }
});

test('the pool that azure-init wrote gives its fifteen diagnostics', (t) => {
  const { diagnostics, ...rest } = readDiagnosticsSync(SAMPLE);
  t.deepEqual(rest, { reports: [], unknown: [], problems: [] });
  t.deepEqual(
    diagnostics.map(({ kind, name, level, message }) => [kind, name, level, message]),
    [
      ['event', 'event src/main.rs:155', 'INFO', 'outside of any span'],
      ['start', 'provision_user', 'INFO', undefined],
      ['event', 'provision_user', 'INFO', 'Starting user provisioning'],
      ['start', 'configure_ssh_keys', 'INFO', undefined],
      ['event', 'configure_ssh_keys', 'INFO', 'Configuring SSH keys'],
      ['event', 'configure_ssh_keys', 'DEBUG', 'Processing SSH key'],
      ['event', 'configure_ssh_keys', 'DEBUG', 'Processing SSH key'],
      ['event', 'configure_ssh_keys', 'DEBUG', 'Processing SSH key'],
      ['event', 'configure_ssh_keys', 'WARN', 'Odd key'],
      ['finish', 'configure_ssh_keys', 'INFO', undefined],
      ['event', 'provision_user', 'INFO', 'User provisioning completed successfully'],
      ['finish', 'provision_user', 'INFO', undefined],
      ['start', 'set_hostname', 'INFO', undefined],
      ['event', 'set_hostname', 'INFO', '日本語 🚀 hostname set'],
      ['finish', 'set_hostname', 'INFO', undefined],
    ],
  );
  t.deepEqual(
    diagnostics.map(({ records }) => records),
    Array.from({ length: 15 }, (_, i) => [i]),
  );
  t.true(diagnostics.every(({ vmId, agent }) => vmId === VM && agent === 'azure-init/0.1.1'));
  t.deepEqual({ ...diagnostics[8]?.fields }, { quoted: 'a "b" | c\nd', user: 'azureuser' });
  t.is(diagnostics[12]?.fields['hostname'], 'vm-é😀');
});

test('a diagnostic has the members that its record knows, and no others', (t) => {
  const { diagnostics } = readDiagnosticsSync(SAMPLE);
  const fields = Object.assign(Object.create(null), { fail: false, user: 'azureuser', user_id: 1000 });
  t.deepEqual(diagnostics[11], {
    format: 'diag',
    kind: 'finish',
    agent: 'azure-init/0.1.1',
    vmId: VM,
    name: 'provision_user',
    id: 'ca59f7ea-5690-4543-875d-00c26fd2bc65',
    time: new Date('2026-11-22T18:09:14.706Z'),
    result: 'success',
    duration: 0.001522,
    level: 'INFO',
    target: 'bench::sample',
    fields,
    text: '{"fields":{"fail":false,"user":"azureuser","user_id":1000},"level":"INFO","target":"bench::sample"}',
    records: [11],
  });
  for (const absent of ['message', 'parent', 'span', 'traceId', 'spanId']) {
    t.false(absent in (diagnostics[11] ?? {}), absent);
  }
});

test('ids, levels and full names come from the payload', (t) => {
  const more = { name: 'a|b', level: 'warn', parent: 'p', span: 's', trace_id: 't', span_id: 'o' };
  const { diagnostics } = readDiagnosticsSync(bytesOf([keyOf({ name: 'a_b' }), payload('hello', more)]));
  t.like(diagnostics[0], { name: 'a|b', level: 'WARN', parent: 'p', span: 's', traceId: 't', spanId: 'o' });
  t.is(diagnostics[0]?.message, 'hello');
});

test('a path, its bytes and its records read alike, at once or later', async (t) => {
  const read = readDiagnosticsSync(SAMPLE);
  t.deepEqual(readDiagnosticsSync(readFileSync(SAMPLE)), read);
  t.deepEqual(readDiagnosticsSync(new Uint8Array(readFileSync(SAMPLE))), read);
  t.deepEqual(readDiagnosticsSync(new Set(readPool(SAMPLE))), read);
  const dir = folder(t);
  symlinkSync(join(process.cwd(), SAMPLE), join(dir, '.kvp_pool_3'));
  t.deepEqual(readDiagnosticsSync({ dir, pool: 3 }), read);
  t.deepEqual(await readDiagnostics({ dir, pool: 3 }), read);
  await t.throwsAsync(readDiagnostics(null as unknown as string), { instanceOf: OptionError });
  t.deepEqual(await readDiagnostics(SAMPLE), read);
  t.deepEqual(await readDiagnostics(readFileSync(SAMPLE)), read);
});

test('what the writer frames comes back, however long it is', (t) => {
  const message = '日本語 🚀 '.repeat(1000);
  const framed = framedBytes({
    kind: 'finish',
    level: 3,
    time: 1_700_000_000_123,
    id: 'e1',
    name: 'work',
    payload: payload(message),
    seconds: -1.5,
  });
  const { diagnostics, problems } = readDiagnosticsSync(framed);
  t.deepEqual(problems, []);
  t.like(diagnostics[0], { kind: 'finish', result: 'fail', duration: 1.5, message });
  t.is(diagnostics[0]?.time.getTime(), 1_700_000_000_123);
});

test('chunks may lie in any order, between others', (t) => {
  const text = payload('x'.repeat(12_000));
  const chunks = Array.from({ length: 12 }, (_, chunk): [string, string] => [
    keyOf({ chunk }),
    text.slice(chunk * 1022, (chunk + 1) * 1022),
  ]);
  const others = ['e2', 'e3', 'e4'].map((id): [string, string] => [keyOf({ id }), payload(id)]);
  fc.assert(
    fc.property(fc.shuffledSubarray([...chunks, ...others], { minLength: 15 }), (records) => {
      const { diagnostics, problems } = readDiagnosticsSync(bytesOf(...records));
      t.deepEqual(problems, []);
      t.is(diagnostics.length, 4);
      t.is(diagnostics.find(({ id }) => id === 'e1')?.text, text);
      t.deepEqual(
        diagnostics.map(({ records: [first] }) => first),
        diagnostics.map(({ records: [first] }) => first).sort((a = 0, b = 0) => a - b),
      );
    }),
    { numRuns: 50 },
  );
});

test('a payload that is cut in the middle of a character is whole again', (t) => {
  t.is(readSplit(payload('é😀'), 1)?.message, 'é😀');
});

test('packed payloads are unpacked', (t) => {
  const text = payload('log line\n'.repeat(1000));
  t.is(readSplit(deflateSync(text).toString('base64'), 40, 'zlib+b64')?.text, text);
  t.is(readSplit(gzipSync(text).toString('base64'), 40, 'gz+b64')?.text, text);
});

test('a payload that is no JSON of ours is a message', (t) => {
  for (const text of ['starting', '{"half":', '[1]', '5', 'null', '{"other":1}', '{"fields":[]}']) {
    const diagnostic = readSplit(text, 1022);
    t.like(diagnostic, { text, message: text });
    t.deepEqual(Object.keys(diagnostic?.fields ?? { missing: 1 }), []);
  }
  t.false('message' in (readDiagnosticsSync(bytesOf([keyOf(), ''])).diagnostics[0] ?? {}));
});

test('field names can not reach a prototype', (t) => {
  const text = '{"fields":{"__proto__":{"polluted":1},"constructor":2,"message":{"deep":1}}}';
  const { fields, message } = readSplit(text, 1022) as Diagnostic;
  t.is(Object.getPrototypeOf(fields), null);
  t.deepEqual(Object.keys(fields), ['__proto__', 'constructor']);
  t.is(({} as Record<string, unknown>)['polluted'], undefined);
  t.is(message, '{ deep: 1 }');
});

test('unrelated keys are no problem, and are kept', (t) => {
  const keys = ['DIAGNOSIS|x', 'diag|x', 'CLOUD_INITx|1', 'a|b|INFO|c|no-uuid', '', 'PROVISIONING_REPORT2'];
  const { unknown, problems } = readDiagnosticsSync(
    bytesOf(good, ...keys.map((key): [string, string] => [key, 'v'])),
  );
  t.deepEqual(problems, []);
  t.deepEqual(
    unknown,
    keys.map((key, i) => ({ key, value: 'v', record: i + 1 })),
  );
});

test('reports are split at bars outside of either kind of quotes', (t) => {
  const key = 'PROVISIONING_REPORT';
  const value = `result=error|"reason=a|""b"" = c\nd"|agent=x|'note=it''s|so'|empty=|agent=y`;
  const [report] = readDiagnosticsSync(bytesOf(good, [key, value])).reports;
  t.deepEqual(Object.entries(report ?? {}), [
    ['result', 'error'],
    ['reason', 'a|"b" = c\nd'],
    ['agent', 'x'],
    ['note', "it's|so"],
    ['empty', ''],
  ]);
  t.deepEqual(report?.records, [1]);
  t.is(report?.text, value);
});

test('timestamps are those of RFC 3339', (t) => {
  const good = {
    '2026-08-31T12:34:56Z': '2026-08-31T12:34:56.000Z',
    '2026-08-31t12:34:56.789123456z': '2026-08-31T12:34:56.789Z',
    '2026-08-31T12:34:56.7+02:30': '2026-08-31T10:04:56.700Z',
    '2026-12-31T23:59:60Z': '2027-01-01T00:00:00.000Z',
    '2024-02-29T00:00:00-00:01': '2024-02-29T00:01:00.000Z',
  };
  for (const [text, time] of Object.entries(good)) t.is(parseTimestamp(text)?.toISOString(), time, text);
  for (const text of [
    '',
    '2026-08-31',
    '2026-08-31T12:34:56',
    '2026-13-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:00:61Z',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00.Z',
  ]) {
    t.is(parseTimestamp(text), undefined, text);
  }
});

test('fields end at their first NUL or where they are full, and bad UTF-8 is replaced', (t) => {
  const pool = Buffer.alloc(RECORD_SIZE * 2, 'k');
  pool.write('a\u0000b', 0);
  pool.set([0x76, 0xff, 0x76, 0], KEY_SIZE);
  t.deepEqual(decodeRecords(pool), [
    { key: 'a', value: 'v\ufffdv' },
    { key: 'k'.repeat(512), value: 'k'.repeat(2048) },
  ]);
  t.deepEqual([...(decodeRecords(pool, { raw: true })[0]?.rawValue ?? [])], [0x76, 0xff, 0x76]);
});

test('a missing file is empty unless it has to be there', async (t) => {
  const path = join(folder(t), 'pool');
  t.deepEqual(readPool(path), []);
  t.deepEqual((await readDiagnostics(path)).diagnostics, []);
  t.throws(() => readPool(path, { mustExist: true }), {
    instanceOf: IoError,
    code: 'ERR_KVP_IO',
    message: `cannot open ${path}: no such file or directory (ENOENT)`,
  });
});

test('links are followed, pipes are read to their end, folders are refused', async (t) => {
  const path = folder(t);
  symlinkSync(join(process.cwd(), SAMPLE), join(path, 'link'));
  t.is(readPool(join(path, 'link')).length, 15);
  const program = `import { readPool } from './src/pool/read-pool.ts'; console.log(readPool('/dev/stdin').length);`;
  writeFileSync(
    join(path, 'pipe.sh'),
    `cat '${SAMPLE}' | node ${TYPESCRIPT.join(' ')} --input-type=module -e "$1"`,
  );
  t.is(execFileSync('sh', [join(path, 'pipe.sh'), program], { encoding: 'utf8' }), '15\n');
  t.throws(() => readPool(path), {
    instanceOf: NotAPoolFileError,
    message: /is a directory; a pool is a regular file. Give the path of one/,
  });
  await t.throwsAsync(readDiagnostics(path), { instanceOf: NotAPoolFileError });
  t.throws(() => readPool('a\0b'), { code: 'ERR_KVP_INVALID_OPTION' });
});
