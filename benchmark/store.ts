/** What the store's calls cost, beside one `write(2)` of a record; nanoseconds. */
import { closeSync, openSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openPool } from 'kvp-tracing';
import { interleaved } from './measure.ts';

const KEY = 'k'.repeat(107);
const VALUE = 'v'.repeat(154);

export async function storeCosts(folder: string): Promise<Map<string, number>> {
  const path = join(folder, 'store.pool');
  const plain = join(folder, 'store.plain');
  const fd = openSync(plain, 'a');
  const record = Buffer.alloc(2560, 'x');
  using pool = openPool(path, { lockTimeout: 5000 });
  const many = Array.from({ length: 64 }, (_, index) => ({ key: `${KEY}${index}`, value: VALUE }));
  const costs = await interleaved(
    [
      {
        name: 'writeSync',
        run: (count) => {
          for (let i = 0; i < count; i++) writeSync(fd, record);
        },
        rest: () => truncateSync(plain),
      },
      {
        name: 'append',
        run: (count) => {
          for (let i = 0; i < count; i++) pool.appendSync(KEY, VALUE);
        },
        rest: () => truncateSync(path),
      },
      {
        name: 'append of 64',
        run: (count) => {
          for (let i = 0; i < count / 64; i++) pool.appendSync(many);
        },
        rest: () => truncateSync(path),
      },
    ],
    200,
    256,
  );
  closeSync(fd);
  pool.loadSync(Array.from({ length: 1024 }, (_, index) => ({ key: `key ${index}`, value: VALUE })));
  const sets = await interleaved(
    [
      {
        name: 'set in 1,024',
        run: (count) => {
          for (let i = 0; i < count; i++) pool.setSync(`key ${(i * 37) % 1024}`, VALUE);
        },
      },
    ],
    50,
    10,
  );
  return new Map([...costs, ...sets]);
}
