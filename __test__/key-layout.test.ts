import { existsSync, readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { FieldError } from '../src/errors.ts';
import { nativeCore } from '../src/pool/binding.ts';
import { Batch } from '../src/pool/fallback/batch.ts';
import { type Entry, Framer, isFailure } from '../src/pool/fallback/frame.ts';
import { type KeyLayout, keyText } from '../src/pool/key-layout.ts';
import { openWriter } from '../src/pool/open-writer.ts';
import type { DropReport, WriterOptions } from '../src/pool/pool-writer.ts';
import { decodeRecords } from '../src/pool/record.ts';
import { verbosityOf } from '../src/tracing/level.ts';
import { hasNativeCore } from './helpers/native-core.ts';
import { poolOf } from './helpers/pool-folder.ts';

interface GoldenEntry extends Omit<Entry, 'level' | 'payload'> {
  level: string;
  failed: boolean;
  /** Of the payload. */
  bytes: number;
  keys: string[];
}

const GOLDEN = JSON.parse(
  readFileSync(new URL('./fixtures/golden/keys.json', import.meta.url), 'utf8'),
) as readonly { layout: KeyLayout; entries: GoldenEntry[] }[];

/** The keys of an entry's records as the fallback frames them. */
function framedKeys(framer: Framer, entry: Entry): string[] {
  const batch = new Batch();
  framer.frame(entry, batch);
  return decodeRecords(batch.bytes).map(({ key }) => key);
}

/** The same keys as texts. */
function keyTexts(layout: KeyLayout, entry: Entry, chunks: number): string[] {
  const { kind, level, time, id, name, seconds } = entry;
  const isFinish = kind === 'finish';
  const fields = {
    kind,
    level,
    time,
    id,
    name,
    encoding: 'none',
    result: isFinish ? (isFailure(seconds) ? 'fail' : 'success') : undefined,
    seconds: isFinish ? Math.abs(seconds) : undefined,
  } as const;
  return Array.from({ length: chunks }, (_, chunk) => keyText(layout, fields, chunk));
}

test('any layout of keys is made by its members alone, as in the native core', (t) => {
  for (const { layout, entries } of GOLDEN) {
    const framer = new Framer(layout);
    for (const { keys, failed, bytes, level, seconds, ...golden } of entries) {
      const payload = 'x'.repeat(bytes);
      const given = { ...golden, payload, seconds: failed ? -seconds : seconds };
      const entry = { ...given, level: verbosityOf(level) as number };
      t.deepEqual(framedKeys(framer, entry), keys, JSON.stringify(layout));
      t.deepEqual(keyTexts(layout, entry, keys.length), keys, JSON.stringify(layout));
    }
  }
});

const anyLayout = fc.record<KeyLayout>({
  prefix: fc.constantFrom('|', 'DIAG|a/1|vm|'),
  word: fc.constantFrom('kind', 'level'),
  nameMax: fc.constant(48),
  details: fc.boolean(),
  numbered: fc.boolean(),
});

const anyEntry = fc.record<Entry>({
  kind: fc.constantFrom('start', 'finish', 'event'),
  level: fc.integer({ min: 1, max: 5 }),
  time: fc.constantFrom(0, 1, 1_767_323_045_678),
  id: fc.constantFrom('id', '3f2504e0-4f89-41d3-9a0c-0305e82c3301'),
  name: fc.constantFrom('n', 'work', 'é'.repeat(24)),
  payload: fc.constantFrom('{}', 'x'.repeat(1022), 'é'.repeat(1500)),
  seconds: fc.constantFrom(0, -0, 0.5, -12.25, 1e10),
});

test('a key as text is the key that the fallback frames, for any layout and any entries in a row', (t) => {
  fc.assert(
    fc.property(anyLayout, fc.array(anyEntry, { minLength: 1, maxLength: 12 }), (layout, entries) => {
      const framer = new Framer(layout);
      for (const entry of entries) {
        const keys = framedKeys(framer, entry);
        t.deepEqual(keys, keyTexts(layout, entry, keys.length));
      }
    }),
    { numRuns: 300 },
  );
});

const KEYS: KeyLayout = { prefix: 'TOY|', word: 'kind', nameMax: 48, details: true, numbered: true };
const DROP_REPORT: DropReport = { name: 'dropped', style: 'json' };

function optionsOf(path: string, keys: object, dropReport: object = {}): WriterOptions {
  return {
    path,
    keys: { ...KEYS, ...keys },
    dropReport: { ...DROP_REPORT, ...dropReport },
    maxRecords: 1024,
    queueBytes: 1 << 23,
    reservesFinishes: false,
    writeThrough: false,
  };
}

test('a writer refuses a layout whose keys could not be read, with the same text on both backends', (t) => {
  const path = poolOf(t);
  const refused = (keys: object, dropReport?: object) =>
    t.throws(() => openWriter(optionsOf(path, keys, dropReport)), { instanceOf: FieldError })?.message;
  const rule = "it must end with '|' and must not contain NUL";
  t.is(refused({ prefix: '' }), `prefix "" is not allowed: ${rule}`);
  t.is(refused({ prefix: 'TOY' }), `prefix "TOY" is not allowed: ${rule}`);
  t.regex(refused({ prefix: 'T\0Y|' }) ?? '', /^prefix .* is not allowed/);
  t.is(refused({ nameMax: 0 }), 'nameMax "0" is not allowed: it must be at least 1');
  t.is(refused({ nameMax: 254 }), 'key length (363) exceeds maximum (254)');
  t.is(refused({ prefix: `${'é'.repeat(200)}|` }), 'key length (554) exceeds maximum (254)');
  const names = "it must not be empty and must not contain '|' or NUL";
  t.is(refused({}, { name: 'a|b' }), `dropReport.name "a|b" is not allowed: ${names}`);
  t.is(refused({}, { name: '' }), `dropReport.name "" is not allowed: ${names}`);
  t.is(refused({ nameMax: 6 }), 'dropReport.name length (7) exceeds maximum (6)');
  t.false(existsSync(path), 'nothing is opened before');
});

test('both styles of a drop report say what was dropped, under its name', (t) => {
  const message = '2 records dropped';
  const json = `{"target":"kvp_tracing","level":"WARN","fields":{"message":"${message}","too_large":{"WARN":1,"INFO":1}}}`;
  const expected = {
    json: new RegExp(`^${json.replaceAll(/[{}]/g, '\\$&')}$`),
    debug: /^Time: \d{4}-\S+Z \| Event: message=2 records dropped, too_large=\{ WARN: 1, INFO: 1 \}$/,
  };
  for (const style of ['json', 'debug'] as const) {
    const path = poolOf(t);
    const writer = openWriter(optionsOf(path, { details: false }, { name: 'lost:records', style }));
    for (const level of [3, 2]) writer.event(0, level, 'x'.repeat(1_100_000), 'n');
    writer.requestDropReport();
    t.true(writer.wait(5000));
    writer.close(1000);
    const [record, ...others] = decodeRecords(readFileSync(path));
    t.deepEqual(others, []);
    t.regex(record?.key ?? '', /^TOY\|event\|lost:records\|[0-9a-f-]{36}\|0$/);
    t.regex(record?.value ?? '', expected[style]);
  }
});

test('an unknown word or style is an error of the border, never a default', (t) => {
  if (!hasNativeCore(t)) return;
  const path = poolOf(t);
  const { openChannel } = nativeCore();
  const given = optionsOf(path, {});
  const opened = (options: object) => () => openChannel({ ...given, ...options } as WriterOptions);
  t.throws(opened({ keys: { ...KEYS, word: 'colour' } }), { message: /colour/ });
  t.throws(opened({ keys: { ...KEYS, word: 'Kind' } }), { message: /Kind/ });
  t.throws(opened({ dropReport: { ...DROP_REPORT, style: 'xml' } }), { message: /xml/ });
  t.throws(opened({ keys: undefined }));
  t.false(existsSync(path));
});

test('a duration that a key has no room for is counted as invalid, on both backends', (t) => {
  const path = poolOf(t);
  const writer = openWriter(optionsOf(path, {}));
  const durations = [9_999_999_999, -9_999_999_999, 1e10, -1e10, Number.MAX_VALUE, Infinity, Number.NaN];
  for (const seconds of durations) writer.finish(0, 3, '', 'id', 'name', seconds);
  t.true(writer.wait(10_000));
  const { written, dropped } = writer.stats();
  t.deepEqual([written, dropped], [2, { invalid: { INFO: 5 } }]);
  writer.close(0);
});
