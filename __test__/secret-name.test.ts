import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { Fields } from '../src/tracing/fields.ts';
import { Redactor } from '../src/tracing/redactor.ts';
import { isSecretByWords } from '../src/tracing/secret-name.ts';
import { processorTime } from './helpers/processor-time.ts';

const TABLE = readFileSync(new URL('../docs/reference/redaction.md', import.meta.url), 'utf8');
const ROWS = [...TABLE.matchAll(/^\| `(.+?)` +\| (redacted|visible) +\|$/gm)];

for (const [, name = '', becomes] of ROWS) {
  test(`the field ${name} is ${becomes}, as docs/reference/redaction.md says`, (t) => {
    const fields = new Fields([name, 'outer'], ['value', { inner: [{ [name]: 'value' }] }]);
    new Redactor().apply(fields);
    const value = becomes === 'redacted' ? '[redacted]' : 'value';
    t.deepEqual(fields.values, [value, { inner: [{ [name]: value }] }]);
  });
}

test('the table has secret and harmless names enough', (t) => {
  t.true(ROWS.filter(([, , becomes]) => becomes === 'redacted').length >= 35);
  t.true(ROWS.filter(([, , becomes]) => becomes === 'visible').length >= 32);
});

test('booleans are never replaced, whatever their name', (t) => {
  const fields = new Fields(['password', 'user'], [true, { token: false, secret: 0 }]);
  new Redactor().apply(fields);
  t.deepEqual(fields.values, [true, { token: false, secret: '[redacted]' }]);
});

test('a name of any length is decided in bounded time, by its end', (t) => {
  const began = processorTime();
  for (const start of ['x', 'x_', 'A', '1', 'a1', 'value', '_', '\u{1f600}']) {
    const long = start.repeat(1_000_000 / start.length);
    t.true(isSecretByWords(`${long}_password`));
    t.false(isSecretByWords(`${long}_user`));
  }
  t.true(isSecretByWords(`password${'_value'.repeat(1000)}`), 'what can not be told is not shown');
  t.true(processorTime() - began < 5000);
});

test('names from outside are remembered within bounds', async (t) => {
  const redactor = new Redactor();
  global.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 1024; i++) {
    const name = `${i}${'k'.repeat(256 * 1024)}`;
    redactor.apply(new Fields([name, 'body'], [1, { [name]: 1, token: 2 }]));
  }
  for (let i = 0; i < 3; i++) {
    await setTimeout(20);
    global.gc?.();
  }
  t.true(process.memoryUsage().heapUsed - before < 32 * 1024 * 1024);
});
