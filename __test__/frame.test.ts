import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { azureInitKeyLayout } from '../src/diagnostics/write/azure-init-layout.ts';
import { diagKeyLayout } from '../src/diagnostics/write/diag-layout.ts';
import { Batch } from '../src/pool/fallback/batch.ts';
import { type Entry, Framer } from '../src/pool/fallback/frame.ts';
import { KEY_SIZE, RECORD_SIZE } from '../src/pool/limits.ts';
import { verbosityOf } from '../src/tracing/level.ts';

interface Case extends Omit<Entry, 'level'> {
  title: string;
  level: string;
  agent: string;
  vmId: string;
  failed: boolean;
}

const FORMATS = { diag: diagKeyLayout, 'azure-init': azureInitKeyLayout };
const golden = new URL('./fixtures/golden/', import.meta.url);

for (const [format, keyLayout] of Object.entries(FORMATS)) {
  test(`the fallback frames the golden cases of ${format} into the golden bytes`, (t) => {
    const cases = JSON.parse(readFileSync(new URL(`${format}.json`, golden), 'utf8')) as Case[];
    const pool = readFileSync(new URL(`${format}.kvp_pool`, golden));
    const batch = new Batch(1);
    let at = 0;
    for (const { title, agent, vmId, failed, level, ...entry } of cases) {
      batch.truncate(0);
      const seconds = failed ? -entry.seconds : entry.seconds;
      const given = { ...entry, level: verbosityOf(level) as number, seconds };
      t.is(new Framer(keyLayout(agent, vmId)).frame(given, batch), batch.length);
      t.true(batch.bytes.equals(pool.subarray(at, at + batch.bytes.length)), title);
      at += batch.bytes.length;
    }
    t.is(at, pool.length);
  });
}

test('an agent or vm_id that can not stand in a key is refused before anything is opened', (t) => {
  for (const keyLayout of Object.values(FORMATS)) {
    const refused = (agent: string, vmId: string) => t.throws(() => keyLayout(agent, vmId));
    t.is(refused('a'.repeat(33), 'v')?.message, 'agent length (33) exceeds maximum (32)');
    t.is(refused('a', 'v'.repeat(37))?.message, 'vm_id length (37) exceeds maximum (36)');
    t.like(refused('a|b', 'v'), { code: 'ERR_KVP_INVALID_FIELD', name: 'FieldError' });
    t.regex(refused('a', '')?.message ?? '', /^vm_id "" is not allowed: it must not be empty/);
    t.like(refused('a\0', 'v'), { code: 'ERR_KVP_INVALID_FIELD' });
  }
});

test('behind the texts of a record are zeros, whatever was in its place before', (t) => {
  const heads = ['a|', 'longer|', ''].map((text) => Buffer.from(text));
  const tail = Buffer.from('|t|');
  const step = fc.oneof(
    fc.record({ head: fc.nat(2), id: fc.nat(40), value: fc.nat(60) }),
    fc.record({ from: fc.nat(8), to: fc.nat(8), count: fc.nat(4) }),
  );
  const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const batch = new Batch(2);
    let records: Buffer[] = [];
    for (const each of steps) {
      if ('head' in each) {
        const [id, value] = ['i'.repeat(each.id + 1), 'v'.repeat(each.value)];
        const head = heads[each.head] as Buffer;
        batch.push({ head, tail }, id, 0, value);
        const record = Buffer.alloc(RECORD_SIZE);
        record.write(`${String(head)}${id}|t|0`);
        record.write(value, KEY_SIZE);
        records.push(record);
      } else {
        const from = Math.min(each.from, records.length);
        const to = Math.min(each.to, from);
        const count = Math.min(each.count, records.length - from);
        batch.moveBack(from, to, count);
        batch.truncate(to + count);
        records = [...records.slice(0, to), ...records.slice(from, from + count)];
      }
      if (!batch.bytes.equals(Buffer.concat(records))) return false;
    }
    return true;
  });
  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});

test('an illegal entry has no records', (t) => {
  const framer = new Framer(diagKeyLayout('a/1', 'v'));
  const entry: Entry = { kind: 'event', level: 3, time: 0, id: 'i', name: 'n', payload: '{}', seconds: 0 };
  const batch = new Batch();
  for (const illegal of [
    { name: '' },
    { name: 'a|b' },
    { name: 'n'.repeat(49) },
    { id: 'i|' },
    { payload: 'a\0' },
  ]) {
    t.is(framer.frame({ ...entry, ...illegal }, batch), 'invalid');
  }
  const most = 'x'.repeat(1023 * 1022);
  t.is(batch.length, 0);
  t.is(framer.frame({ ...entry, payload: most }, batch), 1023);
  t.is(framer.frame({ ...entry, payload: `${most}x` }, batch), 'too_large');
  t.is(batch.length, 1023);
});

test('an event without an id gets a new UUID', (t) => {
  const framer = new Framer(diagKeyLayout('a/1', 'v'));
  const entry: Entry = { kind: 'event', level: 3, time: 0, id: '', name: 'n', payload: '{}', seconds: 0 };
  const batch = new Batch();
  const ids = new Set<string>();
  for (let i = 0; i < 3000; i++) {
    batch.truncate(0);
    framer.frame(entry, batch);
    const [id = '', ...rest] = batch.bytes.toString('latin1', 'DIAG|a/1|v|event|n|'.length, 512).split('|');
    t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    t.is(rest.join('|').replaceAll('\0', ''), '1970-01-01T00:00:00.000Z|none|||0');
    ids.add(id);
  }
  t.is(ids.size, 3000);
  t.false(
    [...ids].some((id) => id.startsWith('00000000-0000')),
    'the first one is as random as others',
  );
});

test('a record is the same wherever it is put and whatever was there before', (t) => {
  const framer = new Framer(diagKeyLayout('a/1', 'v'));
  const entries = Array.from({ length: 40 }, (_, i): Entry => {
    const kind = (['start', 'event', 'finish'] as const)[i % 3] ?? 'event';
    const payload = `{"x":"${'é'.repeat((i * 37) % 900)}"}`;
    return {
      kind,
      level: 3,
      time: i % 7,
      id: 'i'.repeat(1 + (i % 36)),
      name: 'n'.repeat(1 + (i % 5)),
      payload,
      seconds: i,
    };
  });
  const alone = entries.map((entry) => {
    const batch = new Batch();
    new Framer(diagKeyLayout('a/1', 'v')).frame(entry, batch);
    return Buffer.from(batch.bytes);
  });
  const batch = new Batch();
  for (let round = 0; round < 50; round++) {
    batch.truncate(0);
    const chosen = entries.map((_, i) => i).filter((i) => (i * 7 + round * 11) % 5 > 1);
    for (const i of chosen) framer.frame(entries[i] as Entry, batch);
    // The first of them goes, as when the pool has no room for it.
    const gone = (alone[chosen[0] as number] as Buffer).length / 2560;
    batch.moveBack(gone, 0, batch.length - gone);
    batch.truncate(batch.length - gone);
    t.true(batch.bytes.equals(Buffer.concat(chosen.slice(1).map((i) => alone[i] as Buffer))));
  }
});
