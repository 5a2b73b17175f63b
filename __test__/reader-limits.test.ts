import { deflateSync } from 'node:zlib';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Allowance } from '../src/diagnostics/allowance.ts';
import { Decoder } from '../src/diagnostics/encoding.ts';
import { JsonReader } from '../src/diagnostics/json-reader.ts';
import { RECORD_SIZE } from '../src/pool/limits.ts';
import { bytesOf, good, keyOf } from './helpers/diag-records.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { onBuilt, ROOT } from './helpers/programs.ts';

const MIB = 1024 * 1024;

/** What reading a pool, its timeline and its tree cost a process. */
interface Cost {
  /** MiB of memory at most, and seconds of processor time. */
  memory: number;
  seconds: number;
  diagnostics: number;
  problems: string[];
}

/** Reads a pool in a process of its own, whose heap has 400 MiB. */
function costOf(t: ExecutionContext, pool: Buffer): Cost {
  const path = join(folderOf(t), 'pool');
  writeFileSync(path, pool);
  const source = `
    import { readFileSync } from 'node:fs';
    import { readDiagnosticsSync, renderTree, timeline } from './dist/index.cjs';
    const { diagnostics, problems } = readDiagnosticsSync(readFileSync(process.argv[1]));
    renderTree(timeline(diagnostics));
    const { maxRSS, userCPUTime } = process.resourceUsage();
    console.log(JSON.stringify({
      memory: maxRSS / 1024,
      seconds: userCPUTime / 1e6,
      diagnostics: diagnostics.length,
      problems: problems.map(({ reason }) => reason),
    }));`;
  const node = ['--max-old-space-size=400', ...onBuilt(source, path)];
  const { stdout, stderr } = spawnSync(process.execPath, node, { cwd: ROOT, encoding: 'utf8' });
  t.is(stderr, '');
  return JSON.parse(stdout) as Cost;
}

/** The records of a payload that is packed. */
function packed(id: string, text: string, broken = false): [string, string][] {
  const bytes = deflateSync(text);
  if (broken) bytes.writeUInt32BE(0, bytes.length - 4);
  const stored = bytes.toString('base64');
  return Array.from({ length: Math.ceil(stored.length / 1022) }, (_, chunk): [string, string] => [
    keyOf({ id, encoding: 'zlib+b64', chunk }),
    stored.slice(chunk * 1022, (chunk + 1) * 1022),
  ]);
}

/** The same payload with another id. */
function renamed(records: [string, string][], from: string, to: string): [string, string][] {
  return records.map(([key, value]) => [key.replace(`|${from}|`, `|${to}|`), value]);
}

/** JSON of almost 16 MiB whose field `x` is a list of the same element. */
function listOf(element: string): string {
  const count = Math.floor((16 * MIB - 100) / (element.length + 1));
  return `{"fields":{"x":[${`${element},`.repeat(count)}0]}}`;
}

const nested = '['.repeat(8 * MIB - 100) + ']'.repeat(8 * MIB - 100);
const BOMBS: [what: string, text: string][] = [
  ['arrays in arrays', `{"fields":{"x":${nested}}}`],
  ['empty arrays', listOf('[]')],
  ['objects', listOf('{"a":{}}')],
  ['objects with gaps', listOf('{"320":0}')],
  ['short texts', listOf('""')],
  ['a message that is a list', listOf('[[0]]').replace('"x"', '"message"')],
];

for (const [what, text] of BOMBS) {
  test(`a small pool that unpacks to ${what} leaves its reader alive, and the rest is read`, (t) => {
    const bomb = packed('b0', text);
    const bombs = [0, 1, 2].flatMap((i) => renamed(bomb, 'b0', `b${i}`));
    const { memory, diagnostics, problems } = costOf(
      t,
      bytesOf(...bombs, ...packed('p', '{"fields":{}}'), good),
    );
    t.is(diagnostics, 2);
    t.deepEqual(
      problems,
      Array.from({ length: 3 }, () => 'undecodable'),
    );
    t.true(memory < 400, `${memory} MiB`);
  });
}

test('what unpacks to much and then is broken is not unpacked again and again', (t) => {
  const text = '\0'.repeat(15 * MIB);
  const one = packed('x', text, true);
  const records = Array.from({ length: 300 }, (_, i) => renamed(one, 'x', `x${i}`)).flat();
  const { memory, seconds, problems } = costOf(t, bytesOf(...records));
  t.is(problems.length, 300);
  t.true(memory < 400, `${memory} MiB`);
  t.true(seconds < 20, `${seconds} s`);
});

for (const [what, spoil] of [
  ['more behind it', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
  ['a wrong checksum', (bytes: Buffer) => bytes.fill(0, bytes.length - 4)],
  ['an end that is missing', (bytes: Buffer) => bytes.subarray(0, -4)],
] as const) {
  test(`a packed payload with ${what} pays for what it unpacks to`, (t) => {
    const stored = Buffer.from(spoil(deflateSync('\0'.repeat(15 * MIB))).toString('base64'));
    const allowance = new Allowance(0);
    const decoder = new Decoder(allowance);
    for (let count = 1; count <= 5; count++) {
      const before = allowance.left;
      t.true('reason' in decoder.decode('zlib+b64', stored));
      t.true(
        before - allowance.left >= (15 * MIB) / 8,
        `payload ${count} took ${before - allowance.left} bytes`,
      );
    }
  });
}

test('a pool of ever new names costs memory and time as its size does', (t) => {
  const records = Array.from({ length: 8000 }, (_, i): [string, string] => {
    const fields = Object.fromEntries(Array.from({ length: 90 }, (_, j) => [(i * 90 + j).toString(36), j]));
    return [keyOf({ id: `e${i}` }), JSON.stringify({ target: 't', fields })];
  });
  const { memory, seconds, diagnostics, problems } = costOf(t, bytesOf(...records));
  t.deepEqual([diagnostics, problems], [8000, []]);
  t.true(memory < 100 + (16 * 8000 * RECORD_SIZE) / MIB, `${memory} MiB`);
  t.true(seconds < 20, `${seconds} s`);
});

test('fields without a NUL are not searched beyond their ends', (t) => {
  const { seconds } = costOf(t, Buffer.alloc(8000 * RECORD_SIZE, 'x'));
  t.true(seconds < 5, `${seconds} s`);
});

test('JSON that costs more than its share is read as `JSON.parse` reads it', (t) => {
  // Longer than what V8's parser is given.
  const long = ' '.repeat(20_000);
  const read = (text: string): unknown => {
    const found = new JsonReader(new Allowance(0)).object(`{"a":${long}${text}}`);
    return found === undefined || found === 'exceeded' ? found : JSON.stringify(found.members);
  };
  const parse = (text: string): unknown => {
    try {
      return JSON.stringify(JSON.parse(`{"a":${text}}`));
    } catch {
      return undefined;
    }
  };
  for (const text of [
    '-0',
    '01',
    '1.',
    '.5',
    '+1',
    '1e400',
    'tru',
    'nul',
    '"\\x"',
    '"\\u12"',
    '"\n"',
    '[1,]',
    '[,]',
    '{"b":1,}',
    '{"b"}',
    '{b:1}',
    '1 2',
    '{"__proto__":{"x":1}}',
    '{"9":1,"2":2,"b":3,"b":4}',
    '"\\ud800\\n"',
    '',
    '[',
    ']',
    '{"b":',
    '"b',
  ]) {
    t.is(read(text), parse(text), text);
  }
  fc.assert(fc.property(fc.json({ maxDepth: 5 }), (text) => t.is(read(text), parse(text))));
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.constantFrom('', ',', '"', '}', '\\', '0'), (text, at, put) => {
      const broken = text.slice(0, at % text.length) + put + text.slice((at % text.length) + 1);
      t.is(read(broken), parse(broken), broken);
    }),
  );
});

test('a text of any length is read, with escapes and without', (t) => {
  const long = 'x'.repeat(30 * MIB);
  const read = (text: string): unknown => {
    const found = new JsonReader(new Allowance(64 * MIB)).object(text);
    return found === undefined || found === 'exceeded' ? found : found.members;
  };
  for (const text of [long, `\n${long}`, `${long}"`, `"\\${long}\\`]) {
    // Not `deepEqual`, which would print them.
    t.true((read(JSON.stringify({ a: text, b: 1 })) as { a: string }).a === text);
  }
  for (const open of [`{"a":"${long}`, `{"a":"\\n${long}\\"`, `{"a":"\\x${long}"}`])
    t.is(read(open), undefined);
});
