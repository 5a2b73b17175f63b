import test from 'ava';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { compareTimelines } from '../src/diagnostics/timeline/compare-timelines.ts';
import { ownTimes } from '../src/diagnostics/timeline/own-times.ts';
import { timeline } from '../src/diagnostics/timeline/timeline.ts';
import { processorTime } from './helpers/processor-time.ts';
import { event, span, told } from './helpers/told.ts';

function owned(...diagnostics: Diagnostic[]): Record<string, number> {
  return Object.fromEntries(ownTimes(timeline(diagnostics)).map(({ span: { name }, own }) => [name, own]));
}

test("a span's own time is what no child covers, however children overlap", (t) => {
  const parent = 'a';
  t.deepEqual(
    owned(
      ...span('a', 0, 10_000),
      ...span('b', 1000, 4000, { parent }),
      ...span('c', 2000, 5000, { parent }),
      ...span('d', 2500, 3000, { parent }),
      // It outlives the span around it.
      ...span('e', 9000, 12_000, { parent }),
    ),
    { a: 5, b: 3, c: 3, d: 0.5, e: 3 },
  );
});

test('the span with most time of its own comes first', (t) => {
  const times = ownTimes(
    timeline([
      ...span('a', 0, 10_000),
      ...span('b', 0, 7000, { parent: 'a' }),
      ...span('c', 0, 1000, { parent: 'b' }),
    ]),
  );
  t.deepEqual(
    times.map(({ span: { name }, own, total }) => [name, own, total]),
    [
      ['b', 6, 7],
      ['a', 3, 10],
      ['c', 1, 1],
    ],
  );
});

test('a span without a finish counts to the last moment, one whose clock was set back by its own clock', (t) => {
  t.deepEqual(owned(told('start', 'a', 0), event('last', 4000)), { a: 4 });
  const [start, finish] = span('a', 5000, 1000);
  t.deepEqual(owned(start, { ...finish, duration: 2 }), { a: 2 });
});

function compared(before: Diagnostic[], after: Diagnostic[]): string[] {
  return compareTimelines(timeline(before), timeline(after)).spans.map(
    ({ name, depth, change, difference, result }) =>
      [' '.repeat(depth) + name, change, difference?.toFixed(3), result]
        .filter((part) => part !== undefined)
        .join(' '),
  );
}

test('spans of two boots are matched by their path and order', (t) => {
  const parent = 'root';
  const retry = (id: string, from: number, to: number) => span('try', from, to, { id, parent });
  t.deepEqual(
    compared(
      [
        ...span('root', 0, 1000),
        ...retry('1', 0, 100),
        ...retry('2', 200, 300),
        ...span('gone', 400, 500, { parent }),
        ...span('broken', 500, 600, { parent, result: 'fail' }),
        ...span('fine', 700, 800, { parent }),
      ],
      [
        ...span('root', 0, 1010, { agent: 'agent/2' }),
        ...retry('1', 0, 50),
        ...retry('2', 200, 400),
        ...retry('3', 410, 420),
        ...span('broken', 500, 600, { parent }),
        ...span('fine', 700, 800, { parent, result: 'fail' }),
      ],
    ),
    [
      'root same 0.010',
      ' try faster -0.050',
      ' try slower 0.100',
      ' try new 0.010',
      ' broken same 0.000 fixed',
      ' fine same 0.000 failed',
      ' gone missing -0.100',
    ],
  );
});

test('a difference is not known where a duration is not', (t) => {
  t.deepEqual(compared([told('start', 'a', 0)], [...span('a', 0, 9)]), ['a same']);
  t.deepEqual(compared([...span('a', 0, 9)], []), ['a missing -0.009']);
});

test('20,000 spans of one name, and 10,000 deep, are compared at once', (t) => {
  const deep = Array.from({ length: 10_000 }, (_, i) => [
    ...span(`s${i}`, i, 40_000 - i, i > 0 ? { parent: `s${i - 1}` } : {}),
    ...span('same', i, i + 1, { id: `w${i}` }),
  ]).flat();
  const before = processorTime();
  t.is(compareTimelines(timeline(deep), timeline(deep)).spans.length, 20_000);
  t.is(ownTimes(timeline(deep)).length, 20_000);
  t.true(processorTime() - before < 5000);
});
