import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { poolWriters } from '../src/cli/writers.ts';
import { readDiagnostics, readDiagnosticsSync, readExport, summarize } from '../src/index.ts';
import { decodeRecords } from '../src/pool/record.ts';
import { bytesOf, good, SAMPLE } from './helpers/diag-records.ts';
import { ENCODINGS, EXPORTS, item, type Pair, wrapped } from './helpers/host-exports.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { processorTime } from './helpers/processor-time.ts';

const PAIRS: Pair[] = [
  ['PROVISIONING_REPORT', 'result=success|agent=a/1|vm_id=x'],
  ['empty', ''],
  ['<&>"\'', ']]> &amp; &#10; <VALUE>x</VALUE> _x000A_ \\u000a'],
  ['日本', '🚀 e\u0301\u202e\u0085 \ufeff'],
  ['twice', '1'],
  ['twice', '2\n3'],
];

function read(text: string | Buffer): { pairs: Pair[]; damage: string | undefined } {
  const found = readExport(Buffer.from(text as string));
  return { pairs: (found?.records ?? []).map(({ key, value }) => [key, value]), damage: found?.damage };
}

for (const [form, print] of Object.entries(EXPORTS)) {
  test(`records come back from what stands for a pool, whatever their texts are: ${form}`, (t) => {
    for (const [encoding, encode] of Object.entries(ENCODINGS)) {
      t.deepEqual(read(encode(print(PAIRS))), { pairs: PAIRS, damage: undefined }, encoding);
    }
    const character = fc.oneof(
      fc.constantFrom(
        '<',
        '>',
        '&',
        '"',
        "'",
        ']',
        '_',
        'x',
        '\\',
        '\n',
        '\r',
        '\t',
        '\u001b',
        '\u0085',
        '日',
        '🚀',
      ),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    const text = fc.array(character, { maxLength: 30 }).map((parts) => parts.join('').replaceAll('\0', ''));
    const pairs = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 });
    const encoding = fc.constantFrom(...Object.values(ENCODINGS));
    fc.assert(
      fc.property(pairs, encoding, (given, encode) => {
        t.deepEqual(read(encode(print(given))), { pairs: given, damage: undefined });
      }),
      { numRuns: 50 },
    );
  });
}

test('a text of any length comes back, also one that ends as a record may begin', (t) => {
  for (let length = 1; length < 1300; length++) {
    const text = `\ufeff${item(['key', 'x'.repeat(length)])}`;
    t.is(read(Buffer.from(text, 'utf16le')).pairs.length, 1, `${length}`);
  }
});

test('items that a terminal wrapped come back', (t) => {
  const pairs = PAIRS.filter(([, value]) => !value.includes('\n'));
  for (const columns of [20, 80, 120, 133]) {
    const lines = wrapped(pairs.map(item).join('\r\n'), columns);
    t.deepEqual(read(lines), { pairs, damage: undefined }, `${columns} columns`);
    t.deepEqual(read(ENCODINGS['UTF-16LE']?.(lines) as Buffer).pairs, pairs);
  }
});

test('the diagnostics of a pool are those of its exports', async (t) => {
  const pool = readFileSync(SAMPLE);
  const { diagnostics } = readDiagnosticsSync(pool);
  const pairs = decodeRecords(pool).map(({ key, value }): Pair => [key, value]);
  const path = join(folderOf(t), 'export');
  for (const [form, print] of Object.entries(EXPORTS)) {
    writeFileSync(path, ENCODINGS['UTF-16LE']?.(print(pairs)) as Buffer);
    const content = await readDiagnostics(path);
    t.deepEqual(content.diagnostics, diagnostics, form);
    t.deepEqual(content.problems, [], form);
    t.deepEqual(readDiagnosticsSync(readFileSync(path)), content, form);
  }
});

test('damage costs what it hits, and is said', (t) => {
  const three = ['a', 'b', 'c'].map((name): Pair => [name, name]);
  const [a = '', b = '', c = ''] = three.map(item);
  const without = three.filter(([name]) => name !== 'b');
  const why = 'the XML of the records is damaged';
  const broken: [text: string, message: string][] = [
    [b.replace('<VALUE>b', '<VALUE>&evil;'), 'a & starts none of the references that XML has'],
    [b.replace('<VALUE>b', '<VALUE>&#0;'), 'a & starts none of the references that XML has'],
    [b.replace('</PROPERTY>', ''), 'an item has text outside of a VALUE'],
    [b.replace('</INSTANCE>', '</PROPERTY></INSTANCE>'), '</PROPERTY> closes nothing'],
    [b.replace('<VALUE>b', '<VALUE><![CDATA[b'), '<![CDATA[ has no ]]>'],
    [b.replace('NAME="Data"', 'NAME="Data'), 'the tag PROPERTY does not end'],
    [b.slice(0, -5), 'a < starts no element'],
    [b.replaceAll(/"(?:Name|Data)"/g, '"Other"'), 'an item has other twice'],
    [b.replace('"Name"', '"Data"'), 'an item has data twice'],
    ['<!DOCTYPE a [<!ENTITY b "c">]>', 'declarations are not read'],
  ];
  for (const [text, message] of broken) {
    const { pairs, damage } = read(`${a}\r\n${text}\r\n${c}`);
    t.deepEqual(pairs, without, message);
    t.is(damage, `${why}: ${message}, behind record 0`);
  }
  t.deepEqual(read(`${a}${b.slice(0, 100)}`).pairs, [['a', 'a']]);
  t.regex(read(`${a}${b.slice(0, 100)}`).damage as string, /behind record 0$/);
  const json = EXPORTS['dump --json']?.(three) as string;
  t.deepEqual(read(json.slice(0, -8)), {
    pairs: three.slice(0, 2),
    damage: 'the JSON of the records is damaged: it ends within a text, behind record 1',
  });
  t.deepEqual(read('[{"key":"a","value":"b"},{"key":1,"value":""},{"key":"c","value":"d"}]'), {
    pairs: [
      ['a', 'b'],
      ['c', 'd'],
    ],
    damage: 'record 1 of the JSON must have a key and a value that are texts',
  });
  t.is(read(Buffer.concat([Buffer.from(a), Buffer.from([0xff])])).damage, 'the text is not valid UTF-8');
  const content = readDiagnosticsSync(Buffer.from(`${item([good[0], good[1]])}${b.slice(0, 100)}`));
  t.is(content.diagnostics.length, 1);
  t.deepEqual(
    content.problems.map(({ reason, records, raw }) => [reason, records, raw]),
    [['malformed', [1], []]],
  );
  // What may have followed is no record.
  const { records, problems } = summarize(content);
  t.deepEqual(records, { total: 1, diagnostics: 1, reports: 0, unknown: 0, problems: 0 });
  t.deepEqual(problems, [{ reason: 'malformed', records: 0 }]);
  t.deepEqual(
    poolWriters(content).map(({ format, records }) => [format, records]),
    [['diag', 1]],
  );
});

test('a pool is never taken for a text, nor other texts for exports', (t) => {
  const texts = [
    item(['a', 'b']),
    EXPORTS['dump --json']?.([['a', 'b']]) as string,
    '{"GuestExchangeItems":["',
  ];
  for (const text of texts) {
    const key = text.slice(0, 500);
    t.is(readExport(bytesOf([key, text.slice(0, 1000)], good)), undefined);
    t.is(readDiagnosticsSync(bytesOf([key, 'v'], good)).diagnostics.length, 1);
  }
  for (const text of [
    '',
    'key=value\n',
    '<html></html>',
    '{"a":1}',
    '"text"',
    '[1]',
    '<?xml version="1.0"?><a/>',
    'null',
  ]) {
    t.is(readExport(Buffer.from(text)), undefined, text);
  }
});

test('hostile texts are read in bounded time, and what is damaged is said', (t) => {
  const size = 8 * 1024 * 1024;
  const many = (text: string): string => text.repeat(Math.ceil(size / text.length));
  const start = `<INSTANCE CLASSNAME="Msvm_KvpExchangeDataItem">`;
  const xml = 'the XML of the records is damaged';
  const json = 'the JSON of the records is damaged';
  /** What is told of each; `undefined` for what is no export, which is found out as fast. */
  const texts: [text: string, damage: string | undefined][] = [
    [many(start), `${xml}: elements are nested too deep (and 999 more)`],
    [many(`${start}<!--`), `${xml}: <!-- has no --> (and 999 more)`],
    [many(`${start}<PROPERTY NAME="`), `${xml}: the tag PROPERTY does not end (and 999 more)`],
    [many('<INSTANCE ><!--'), `${xml}: <!-- has no --> (and 999 more)`],
    [`${start}${many(' ')}`, `${xml}: an item does not end`],
    [`<INSTANCE ${many(' ')}`, `${xml}: the tag INSTANCE does not end`],
    [`<INSTANCE ${many('a="b" ')}`, `${xml}: the attribute a is there twice`],
    [
      `${start}<PROPERTY NAME="Name"><VALUE>${many('&')}`,
      `${xml}: a & starts none of the references that XML has`,
    ],
    [`${start}<PROPERTY NAME="Name"><VALUE>${many('&amp;')}`, `${xml}: an item does not end`],
    [`<Objs>${many('<S>')}`, `${xml}: elements are nested too deep`],
    [`<Objs><S>${many('_x')}</S></Objs>`, ''],
    [`<INSTANCE>${many('\n')}`, `${xml}: it ends within INSTANCE`],
    [`["<INSTANCE ",${many('[')}`, `${xml}: the tag INSTANCE does not end (and 1 more)`],
    [`["<INSTANCE ${many('\\"')}`, `${json}: it ends within a text`],
    [`["<INSTANCE ${many('\\')}`, `${json}: it ends within a text`],
    [`["<INSTANCE "${many(',0')}`, `${xml}: the tag INSTANCE does not end (and 1 more)`],
    [
      `[{"key":1}${many(',0')}]`,
      'record 0 of the JSON must have a key and a value that are texts (and 999 more)',
    ],
    [many('{"GuestExchangeItems":'), `${json}: it is nested too deep`],
    [many('"<INSTANCE "'), `${xml}: the tag INSTANCE does not end (and 999 more)`],
    [`[${many(' ')}x`, undefined],
    [`${many(' ')}[${many(' ')}"<`, undefined],
    [`<?${many('>')}`, undefined],
  ];
  for (const [text, damage] of texts) {
    const bytes = Buffer.from(text);
    const before = processorTime();
    const found = readExport(bytes);
    const took = processorTime() - before;
    t.is(found && (found.damage ?? ''), damage, text.slice(0, 80));
    t.true(took < 10_000, `${took} ms: ${text.slice(0, 80)}`);
  }
  const small = many('{"key":"","value":""},');
  t.regex(readExport(Buffer.from(`[${small}`))?.damage as string, /^there are more than 104857 records/);
});
