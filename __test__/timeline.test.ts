import { stripVTControlCharacters } from 'node:util';
import test from 'ava';
import { renderTree } from '../src/format/render-tree.ts';
import { timeline } from '../src/diagnostics/timeline/timeline.ts';
import type { TimelineNode } from '../src/diagnostics/timeline/timeline-node.ts';
import { event, told } from './helpers/told.ts';

/** `a(b(c))`: names and who is in whom. */
function shape(nodes: TimelineNode[]): string {
  return nodes
    .map(({ name, children }) => name + (children.length === 0 ? '' : `(${shape(children)})`))
    .join(' ');
}

test('starts and finishes become spans, hung under their parents', (t) => {
  const { roots, events, start, end } = timeline([
    told('start', 'a', 10, { fields: { x: 1, y: 1 } }),
    told('start', 'b', 20, { parent: 'a' }),
    event('in b', 25, { span: 'b' }),
    told('finish', 'b', 30, { result: 'fail', duration: 0.01 }),
    told('start', 'c', 35, { parent: 'a' }),
    told('finish', 'a', 40, { fields: { y: 2 } }),
    event('outside', 50),
  ]);
  t.is(shape(roots), 'a(b c)');
  t.deepEqual({ ...roots[0]?.fields }, { x: 1, y: 2 });
  t.like(roots[0], { state: 'finished', result: 'success', duration: 0.001, level: 'INFO', id: 'a' });
  t.like(roots[0]?.children[0], { state: 'finished', result: 'fail', duration: 0.01 });
  t.is(roots[0]?.children[0]?.events[0]?.message, 'in b');
  t.is(roots[0]?.children[1]?.state, 'unfinished');
  t.false('end' in (roots[0]?.children[1] ?? {}));
  t.deepEqual(
    events.map(({ message }) => message),
    ['outside'],
  );
  t.deepEqual([start?.getTime(), end?.getTime()], [10, 50]);
});

test('nothing has no beginning and no end', (t) => {
  t.deepEqual(timeline([]), { roots: [], events: [], gaps: [], criticalPath: [] });
});

test('siblings are ordered by time, then by their place in the pool', (t) => {
  const first = told('start', 'first', 5);
  const second = told('start', 'second', 5);
  const third = told('start', 'third', 9);
  // A layer says of all spans in which they are.
  const child = told('start', 'child', 6, { parent: 'first', target: 'app' });
  t.is(shape(timeline([third, second, first, child]).roots), 'first(child) second third');
  const events = [event('late', 7), event('early', 6)];
  t.deepEqual(
    timeline(events).events.map(({ message }) => message),
    ['early', 'late'],
  );
});

test('a finish whose start was lost keeps its events and starts when it must have', (t) => {
  const { roots } = timeline([event('in a', 5, { span: 'a' }), told('finish', 'a', 2000, { duration: 1.5 })]);
  t.like(roots[0], { state: 'start-missing', start: new Date(500), duration: 1.5 });
  t.is(roots[0]?.events.length, 1);
  const [endless] = timeline([told('finish', 'b', 7, { duration: 1e300 })]).roots;
  t.is(endless?.start.getTime(), 7);
});

test('spans and events of a missing span are at the top', (t) => {
  const { roots, events } = timeline([
    told('start', 'a', 1, { parent: 'gone' }),
    event('e', 2, { span: 'gone' }),
  ]);
  t.is(shape(roots), 'a');
  t.is(events.length, 1);
});

test('a child may lie before its parent', (t) => {
  t.is(shape(timeline([told('start', 'b', 2, { parent: 'a' }), told('start', 'a', 1)]).roots), 'a(b)');
});

test('cycles are cut, and nobody in them is lost', (t) => {
  t.is(shape(timeline([told('start', 'a', 1, { parent: 'a' })]).roots), 'a');
  const cycle = [
    told('start', 'leaf', 0, { parent: 'c' }),
    told('start', 'a', 1, { parent: 'c' }),
    told('start', 'b', 2, { parent: 'a' }),
    told('start', 'c', 3, { parent: 'b' }),
    told('start', 'other', 4, { parent: 'b' }),
  ];
  t.is(shape(timeline(cycle).roots), 'c(leaf a(b(other)))');
});

test('an id that is used again gives a span each time', (t) => {
  const { roots } = timeline([
    told('start', 'a', 1),
    told('start', 'a', 3),
    told('finish', 'a', 2, { duration: 0.011 }),
    told('finish', 'a', 4, { duration: 0.012 }),
    told('finish', 'a', 5, { duration: 0.001 }),
  ]);
  t.deepEqual(
    roots.map(({ state, duration }) => [state, duration]),
    [
      ['finished', 0.011],
      ['finished', 0.012],
      ['start-missing', 0.001],
    ],
  );
});

test('the same id of another agent or machine is another span', (t) => {
  const { roots } = timeline([
    told('start', 'a', 1),
    told('finish', 'a', 2, { agent: 'other/1' }),
    told('finish', 'a', 3, { vmId: 'other' }),
    told('start', 'b', 4, { parent: 'a', vmId: 'other' }),
  ]);
  t.is(shape(roots), 'a a a(b)');
});

test('a parent may be of another producer', (t) => {
  const { roots, events } = timeline([
    told('start', 'b', 2, { parent: 'a', agent: 'child/1' }),
    event('in a', 3, { span: 'a', agent: 'child/1' }),
    told('start', 'a', 1),
  ]);
  t.is(shape(roots), 'a(b)');
  t.is(roots[0]?.events.length, 1);
  t.deepEqual(events, []);
});

test('a hundred thousand spans inside each other are laid out and shown', (t) => {
  const spans = Array.from({ length: 100_000 }, (_, i) => told('start', `s${i}`, i, { parent: `s${i - 1}` }));
  const { roots } = timeline(spans.reverse());
  t.is(roots.length, 1);
  t.is(renderTree({ roots }).split('\n').length, 100_000);
});

const TREE = {
  roots: [
    {
      name: 'provision_user',
      state: 'finished' as const,
      duration: 0.0015,
      result: 'success' as const,
      events: [{ level: 'INFO', message: 'Starting user provisioning', fields: {} }],
      children: [
        {
          name: 'configure_ssh_keys',
          state: 'finished' as const,
          duration: 0.0006,
          result: 'fail' as const,
          events: [{ level: 'ERROR', message: 'bad key', fields: { line: 3 } }],
          children: [],
        },
        { name: 'write_keys', state: 'unfinished' as const, events: [], children: [] },
      ],
    },
  ],
};

test('a tree has a line for each span and event', (t) => {
  t.is(
    renderTree(TREE),
    `provision_user  1.5 ms  success
├─ INFO Starting user provisioning
├─ configure_ssh_keys  0.6 ms  fail
│  └─ ERROR bad key line=3
└─ write_keys  unfinished`,
  );
  t.is(renderTree({ roots: [] }), '');
});

test('colors change nothing but colors', (t) => {
  const colored = renderTree(TREE, { color: true });
  t.true(colored.includes('\u001b[31mfail\u001b[0m'));
  t.is(stripVTControlCharacters(colored), renderTree(TREE));
});

test('events and spans are mixed by time, and those of one moment by their place in the pool', (t) => {
  const { roots, events } = timeline([
    told('start', 'a', 1),
    event('before', 2, { span: 'a' }),
    told('start', 'b', 2, { parent: 'a' }),
    event('same moment', 2, { span: 'a' }),
    event('after', 3, { span: 'a' }),
    event('outside', 0),
  ]);
  t.is(
    renderTree({ roots, events }),
    `INFO outside
a  unfinished
├─ INFO before
├─ b  unfinished
├─ INFO same moment
└─ INFO after`,
  );
});

test('what would break a line or obey a terminal is escaped', (t) => {
  const fields = { text: 'a "b"\n', 'n\u001b': [1, '\u009b'], nothing: null };
  const spans = [{ name: 'a\u001b[2J\nb', state: 'start-missing' as const, events: [], children: [] }];
  const events = [{ level: 'INFO', message: 'x\r\n\u202ey', fields }];
  const text = renderTree({ roots: spans, events });
  t.is(
    text,
    `INFO x\\r\\n\\u{202e}y text="a \\"b\\"\\n" n\\u{1b}=[1,"\\u{9b}"] nothing=null
a\\u{1b}[2J\\nb  start missing`,
  );
});

test('durations are in the unit that people use', (t) => {
  const durations = [0, 0.00004, 0.000129, 0.0999, 0.312, 0.9999, 2.511, 59.999, 187, 7500, 360_000];
  const lines = renderTree({
    roots: durations.map((duration) => ({
      name: 'a',
      state: 'finished' as const,
      duration,
      events: [],
      children: [],
    })),
  });
  t.deepEqual(
    lines.split('\n').map((line) => line.slice(3)),
    [
      '0 ms',
      '40 µs',
      '0.1 ms',
      '99.9 ms',
      '312 ms',
      '1.00 s',
      '2.51 s',
      '1 min 0 s',
      '3 min 7 s',
      '2 h 5 min',
      '4 d 4 h',
    ],
  );
});
