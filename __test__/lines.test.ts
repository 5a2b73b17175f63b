import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { StderrLayer, type StderrLayerOptions } from '../src/layers/stderr-layer.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';

/** What tracing-subscriber printed for the program in `lines-oracle/src/main.rs`, which this one repeats. */
const FIXTURES = new URL('fixtures/', import.meta.url);

interface Values {
  fields: string[];
  characters: [number, number][];
  messages: string[];
  integers: number[];
  fractions: number[];
}

const VALUES = JSON.parse(readFileSync(new URL('lines-oracle/values.json', FIXTURES), 'utf8')) as Values;
const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;
const STILL = '2024-01-02T03:04:05.678901Z';

const log = target('azure_init::user');

function failure(message: string, ...causes: string[]): Error {
  const [next, ...others] = causes;
  return next === undefined ? new Error(message) : new Error(message, { cause: failure(next, ...others) });
}

function levels(): void {
  for (const level of LEVELS) log.event(level, 'hi');
  const emit = (): void => {
    for (const level of LEVELS) log.event(level, { a: 1, b: 'two' }, 'hi');
  };
  log.inSpan('failing', { level: 'error', fields: { at: 1 } }, emit);
  log.inSpan('going', emit);
}

function values(): void {
  for (const text of VALUES.fields) log.info({ text });
  for (const [first, last] of VALUES.characters) {
    for (let start = first; start < last; start += 16) {
      const codes = Array.from({ length: 16 }, (_, i) => start + i);
      log.info({
        text: codes
          .filter((code) => code < 0xd800 || code > 0xdfff)
          .map((code) => String.fromCodePoint(code))
          .join(''),
      });
    }
  }
  for (const message of VALUES.messages) log.info(message);
  for (const n of [...VALUES.integers, ...VALUES.fractions]) log.info({ n });
  log.info({ a: Infinity, b: -Infinity, c: NaN }, 'numbers');
  log.info({ a: 2n ** 64n - 1n, b: -(2n ** 127n) }, 'bigints');
  log.info({ yes: true, no: false }, 'booleans');
  log.info({ left: undefined });
  log.info({ left: undefined }, 'left out');
  log.info({ 'key.with.dots': 1, type: 'x' }, 'names');
  log.info({ 'a b': 2, é: 3 }, 'more names');
}

function errors(): void {
  for (const error of [
    failure('alone'),
    failure('outer', 'cause1'),
    failure('outer', 'cause1', 'cause2'),
    failure('say "no"', 'C:\\ and é', '\u001b[2J'),
  ]) {
    log.error({ error });
    log.error({ error, tries: 3 }, 'failed');
  }
}

function spans(): void {
  log.inSpan('provision_user', { fields: { user_id: 42, name: 'al"ice' } }, () =>
    log.info({ user: 'alice', key_count: 3 }, 'Configuring SSH keys'),
  );
  target('outer').inSpan('outer', { fields: { a: 1, b: true } }, () =>
    target('middle').inSpan('middle', () => {
      const inner = log.span('inner');
      inner.inScope(() => {
        log.info('before');
        inner.record({ late: 'one' });
        log.info('after one');
        inner.record({ later: 2 });
        log.info({ only: 'fields' });
        inner.record({ error: failure('outer', 'cause') });
        log.info('after error');
      });
      log.info('in middle');
      inner.close();
    }),
  );
  log.inSpan('said', { fields: { message: 'to be done', a: 1 } }, () => log.info('hi'));
  log.inSpan('empty', () => {});
}

/** What we print, with a clock that stands still. */
function printed(options: StderrLayerOptions, program: () => void): string {
  let text = '';
  const writer = { write: (line: string) => void (text += line) };
  const layer = new StderrLayer({ writer, filter: 'trace', spanEvents: [], ...options });
  withDefault(new Registry().with(layer), program);
  return text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/g, STILL);
}

for (const format of ['full', 'compact', 'pretty'] as const) {
  for (const color of [false, true]) {
    const name = `${format}${color ? '-color' : ''}`;
    const golden = (moments: string) =>
      readFileSync(new URL(`lines/${name}${moments}.txt`, FIXTURES), 'utf8').split('\n');

    test(`the lines of ${name} are those of tracing-subscriber, byte for byte`, (t) => {
      const text = printed({ format, color }, () => {
        levels();
        values();
        errors();
        spans();
      });
      t.deepEqual(text.split('\n'), golden(''));
    });

    test(`so are those of ${name} at the moments of spans, but for what durations come to`, (t) => {
      const spanEvents = ['new', 'enter', 'exit', 'close'] as const;
      const text = printed({ format, color, spanEvents }, spans);
      t.deepEqual(
        text.replaceAll(/(?<![\d.])[\d.]+(ns|µs|ms|s)(?![a-z])/g, 'TIME').split('\n'),
        golden('-span-events'),
      );
    });
  }
}

test('whatever is said, an event is one line, of which nothing reaches the terminal but text', (t) => {
  const anything = fc.dictionary(
    fc.string({ unit: 'binary' }),
    fc.anything({ withBigInt: true, withDate: true }),
  );
  const property = fc.property(
    fc.constantFrom('full', 'compact'),
    fc.string({ unit: 'binary' }),
    anything,
    anything,
    (format, message, outside, fields) => {
      const text = printed({ format: format as 'full' }, () =>
        log.inSpan(message, { fields: outside }, () => log.info(fields, message)),
      );
      return text.indexOf('\n') === text.length - 1 && !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(text.slice(0, -1));
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 1000 }));
});

test('where we differ from tracing-subscriber it is on purpose', (t) => {
  const lines = printed({}, () => {
    // Rust leaves these in a message; they would break the line, or turn the rest of it round.
    log.info('one\ntwo\r\tthree\0 \u0001 \u2028 \u202e');
    // Rust prints 1.0.
    log.info({ whole: 1, date: new Date(0), nothing: null, list: [1, 'a'] });
    log.inSpan('work', { fields: { tries: 1 } }, (span) => {
      // Rust prints tries=1 tries=2.
      span.record({ tries: 2 });
      log.info('hi');
    });
  });
  t.deepEqual(lines.replaceAll(`${STILL}  INFO `, '').split('\n'), [
    String.raw`azure_init::user: one\ntwo\r\tthree\0 \x01 \u{2028} \u{202e}`,
    "azure_init::user: whole=1 date=1970-01-01T00:00:00.000Z nothing=null list=[ 1, 'a' ]",
    'work{tries=2}: azure_init::user: hi',
    '',
  ]);
});
