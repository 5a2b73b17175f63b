import { statSync } from 'node:fs';
import { readDiagnosticsSync } from '../../src/diagnostics/read/read-diagnostics.ts';
import { RECORD_SIZE } from '../../src/pool/limits.ts';

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

  const { diagnostics, problems, unknown } = readDiagnosticsSync(pool);
  for (const { format, agent, name, fields, message = '', records } of diagnostics) {
    if (format !== 'diag') add(name, message, records.length);
    else {
      add(agent.replace(/\/1$/, ''), `${fields['number']} ${fields['size']} ${message}`, records.length);
    }
  }
  for (const { message, records } of problems) torn.push(`records ${records.join(', ')}: ${message}`);
  for (const { key, record } of unknown) {
    if (!key.startsWith('HOST|')) torn.push(`record ${record}: ${key.slice(0, 80)}`);
  }
  return { writers, torn };
}
