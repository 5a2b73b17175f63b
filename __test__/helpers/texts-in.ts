import { statSync } from 'node:fs';
import { readDiagnosticsSync } from '../../src/diagnostics/reader.ts';
import { RECORD_SIZE } from '../../src/pool/limits.ts';
import { readPool } from '../../src/pool/reader.ts';

/** What a pool holds of one writer. */
export interface Texts {
  /** The numbers of its texts, in the file's order. */
  numbers: number[];
  records: number;
}

/** What the programs of `writers/` wrote into a pool, by their names, and what there is not whole. */
export function textsIn(pool: string): { writers: Map<string, Texts>; torn: string[] } {
  const writers = new Map<string, Texts>();
  const torn: string[] = [];
  const add = (name: string, text: string, records: number) => {
    const writer = writers.get(name) ?? { numbers: [], records: 0 };
    writers.set(name, writer);
    const [, number, size, letters] = /^(\d+) (\d+) (x+)$/.exec(text) ?? [];
    if (letters?.length !== Number(size)) torn.push(`${name}: ${text.slice(0, 80)}`);
    else writer.numbers.push(Number(number));
    writer.records += records;
  };

  const surplus = statSync(pool).size % RECORD_SIZE;
  if (surplus > 0) torn.push(`${surplus} bytes at the end`);

  const { diagnostics, problems } = readDiagnosticsSync(pool);
  for (const { agent, fields, message, records } of diagnostics) {
    add(agent.replace(/\/1$/, ''), `${fields['number']} ${fields['size']} ${message}`, records.length);
  }
  for (const { message, records } of problems) torn.push(`records ${records.join(', ')}: ${message}`);

  /** Of cloud-init's events: their parts, by the key that they share. */
  const events = new Map<string, string[]>();
  readPool(pool).forEach(({ key, value }, index) => {
    const [format, , , name = ''] = key.split('|');
    const part = format === 'CLOUD_INIT' ? partOf(value) : undefined;
    if (part !== undefined) {
      const event = part.msg_i === undefined ? key : key.replace(/\|\d+$/, '');
      events.set(event, [...(events.get(event) ?? []), part.msg]);
    } else if (format === 'azure-init-0.1.1') add(name, value.split('message=')[1] ?? '', 1);
    else if (format !== 'DIAG' && format !== 'HOST') torn.push(`record ${index}: ${key.slice(0, 80)}`);
  });
  for (const [event, parts] of events) add(event.split('|')[3] ?? '', parts.join(''), parts.length);
  return { writers, torn };
}

/** What cloud-init says in a record; `undefined` for what is no JSON. */
function partOf(value: string): { msg: string; msg_i?: number } | undefined {
  try {
    return JSON.parse(value) as { msg: string; msg_i?: number };
  } catch {
    return undefined;
  }
}
