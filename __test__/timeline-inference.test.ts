import test from 'ava';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { renderTree } from '../src/format/render-tree.ts';
import type { TimelineNode } from '../src/diagnostics/timeline/timeline-node.ts';
import { timeline } from '../src/diagnostics/timeline/timeline.ts';
import { bare } from './helpers/told.ts';

const told: typeof bare = (kind, name, at, more) =>
  bare(kind, name, at, { agent: 'azure-init/1', id: `${name}-id`, ...more });

function span(name: string, from: number, to: number, more: Partial<Diagnostic> = {}): Diagnostic[] {
  const duration = (to - from) / 1000;
  return [
    told('start', name, from, more),
    told('finish', name, to, { result: 'success', duration, ...more }),
  ];
}

const CLOUD_INIT = { format: 'cloud-init', agent: 'cloud-init' } as const;
let ids = 0;

/** As cloud-init tells it: every record has an id of its own. */
function stage(kind: 'start' | 'finish', name: string, at: number): Diagnostic {
  const more = kind === 'finish' ? ({ result: 'success', duration: 0.001 } as const) : {};
  return told(kind, name, at, { ...CLOUD_INIT, id: `${ids++}`, ...more });
}

/** `a(b(c))`: names and who is in whom. */
function shape(nodes: readonly TimelineNode[]): string {
  return nodes
    .map(({ name, children }) => name + (children.length === 0 ? '' : `(${shape(children)})`))
    .join(' ');
}

const names = (nodes: readonly { name: string }[]): string[] => nodes.map(({ name }) => name);
const messages = (node: TimelineNode | undefined) => node?.events.map(({ message }) => message);

const SAMPLES: [file: string, shape: string, events: [inFirst: number, inAll: number]][] = [
  ['azure-init-0.1', 'provision_user(configure_ssh_keys) set_hostname', [2, 0]],
  ['diag-azure-init', 'provision_user(configure_ssh_keys) set_hostname', [2, 1]],
  ['cloud-init-26.2', 'init-network(init-network/search-Azure)', [0, 1]],
  ['cloud-init-22.4', 'init-local', [1, 0]],
];

for (const [file, expected, [inFirst, outside]] of SAMPLES) {
  test(`the spans of ${file} hang as they were nested`, (t) => {
    const { diagnostics } = readDiagnosticsSync(`__test__/fixtures/samples/${file}.kvp_pool`);
    const { roots, events } = timeline(diagnostics);
    t.is(shape(roots), expected);
    t.true(roots.every(({ state }) => state === 'finished'));
    t.is(roots[0]?.events.length, inFirst);
    t.is(events.length, outside);
  });
}

test('where nobody says what is in what, the innermost span around it in time is the parent', (t) => {
  const diagnostics = [
    ...span('whole', 0, 101),
    ...span('first', 10, 40),
    ...span('inner', 20, 30),
    ...span('second', 50, 100),
    ...span('later', 102, 110),
    ...span('other', 20, 30, { agent: 'other/1' }),
  ];
  t.is(shape(timeline(diagnostics).roots), 'whole(first(inner) second) other later');
});

test('a thousand spans after each other do not hide the one around them', (t) => {
  const inner = Array.from({ length: 2000 }, (_, i) => span(`s${i}`, 10 + i, 10 + i)).flat();
  const { roots } = timeline([...span('whole', 0, 5000), ...inner, told('event', 'whole', 4000)]);
  t.is(roots.length, 1);
  t.is(roots[0]?.children.length, 2000);
  t.is(roots[0]?.events.length, 1);
});

test('a producer that records parents is believed: spans side by side stay so', (t) => {
  const one = span('one', 0, 100, { agent: 'mine/1' });
  const two = span('two', 10, 20, { agent: 'mine/1' });
  t.is(shape(timeline([...one, ...two]).roots), 'one(two)');
  (two[1] as Diagnostic).entered = 1;
  t.is(shape(timeline([...one, ...two]).roots), 'one two');
});

test('a span that never ended is around what came after it', (t) => {
  const { roots } = timeline([told('start', 'crashed', 0), ...span('inner', 10, 20)]);
  t.is(shape(roots), 'crashed(inner)');
  t.deepEqual([roots[0]?.state, roots[0]?.children[0]?.state], ['unfinished', 'finished']);
});

test('events of a producer that names them after their spans go to the span of that name and time', (t) => {
  const event = (name: string, at: number, message: string) => told('event', name, at, { message });
  const { roots, events } = timeline([
    ...span('work', 0, 10, { id: 'a' }),
    ...span('inner', 4, 6),
    ...span('work', 20, 30, { id: 'b' }),
    event('work', 5, 'in the first, though inner is open'),
    event('work', 25, 'in the second'),
    event('work', 15, 'between'),
    event('elsewhere', 5, 'outside'),
  ]);
  t.deepEqual(roots.map(messages), [['in the first, though inner is open'], ['in the second']]);
  t.deepEqual(
    events.map(({ message }) => message),
    ['outside', 'between'],
  );
});

test("cloud-init's names are paths, and its finishes belong to the last start of their name", (t) => {
  const { roots } = timeline([
    stage('start', 'init', 0),
    stage('start', 'init/a', 1),
    stage('start', 'init/a/deep/er', 2),
    stage('finish', 'init/a/deep/er', 3),
    stage('finish', 'init/a', 4),
    // It was killed, and ran anew.
    stage('start', 'init', 10),
    stage('finish', 'init/b', 11),
    stage('finish', 'init', 12),
    stage('start', 'modules', 20),
  ]);
  t.is(shape(roots), 'init(init/a(init/a/deep/er)) init(init/b) modules');
  t.deepEqual(
    roots.map(({ state }) => state),
    ['unfinished', 'finished', 'unfinished'],
  );
  t.is(roots[1]?.children[0]?.state, 'start-missing');
});

test("cloud-init's spans are paired by time, else by place", (t) => {
  const finish = stage('finish', 'init', 2);
  const [first, last] = timeline([
    stage('finish', 'again', 5),
    finish,
    stage('start', 'init', 1),
    stage('start', 'again', 4),
  ]).roots;
  t.like([first, last], [{ name: 'init', state: 'finished', end: finish.time }, { state: 'finished' }]);
  const setBack = [stage('start', 'init', 9000), stage('finish', 'init', 10), stage('start', 'init', 20)];
  t.deepEqual(
    timeline(setBack).roots.map(({ state, records }) => [state, records.length]),
    [
      ['unfinished', 1],
      ['finished', 2],
    ],
  );
});

test('a name of many levels takes no longer than one of few', (t) => {
  const spans = Array.from({ length: 1000 }, (_, i) => stage('start', `${'/x'.repeat(1000)}${i}`, i));
  const started = process.cpuUsage();
  t.is(timeline(spans).roots.length, 1000);
  t.true(process.cpuUsage(started).user < 8e5);
});

test('the boot phases of several agents stand side by side, with the gaps between them', (t) => {
  const { roots, gaps, start, end } = timeline([
    stage('start', 'init-local', 0),
    stage('finish', 'init-local', 1000),
    ...span('provision', 500, 2000),
    stage('start', 'modules-final', 3500),
    stage('finish', 'modules-final', 4000),
    told('event', 'after', 9000),
  ]);
  t.deepEqual(
    roots.map(({ agent, name }) => `${agent} ${name}`),
    ['cloud-init init-local', 'azure-init/1 provision', 'cloud-init modules-final'],
  );
  t.deepEqual(gaps, [{ start: new Date(2000), end: new Date(3500), duration: 1.5 }]);
  t.deepEqual([start?.getTime(), end?.getTime()], [0, 9000]);
});

test('nothing is known of gaps behind a span that never ended', (t) => {
  t.deepEqual(timeline([told('start', 'a', 0), ...span('b', 10, 20, { agent: 'b/1' })]).gaps, []);
});

test('the critical path is what the end had to wait for', (t) => {
  const parallel = { agent: 'mine/1', entered: 1 };
  const { criticalPath } = timeline([
    ...span('boot', 0, 10, parallel),
    ...span('provision', 12, 100, parallel),
    ...span('fast', 15, 30, { ...parallel, parent: 'provision-id' }),
    ...span('slow', 15, 80, { ...parallel, parent: 'provision-id' }),
    ...span('inside', 20, 80, { ...parallel, parent: 'slow-id' }),
    ...span('last', 80, 99, { ...parallel, parent: 'provision-id' }),
    ...span('beside', 50, 60, parallel),
  ]);
  t.deepEqual(names(criticalPath), ['boot', 'provision', 'slow', 'inside', 'last']);
});

test('a clock that is set back while a span is open spoils neither pair nor path', (t) => {
  const { roots, criticalPath, gaps, start, end } = timeline([
    told('start', 'a', 5000),
    told('finish', 'a', 100, { result: 'success', duration: 2 }),
  ]);
  t.like(roots, [{ state: 'finished', duration: 2 }]);
  t.deepEqual([start?.getTime(), end?.getTime()], [100, 5000]);
  t.deepEqual(names(criticalPath), ['a']);
  t.deepEqual(gaps, []);
});

test('spans nested deeper than functions may be are no danger', (t) => {
  const deep = Array.from({ length: 20_000 }, (_, i) =>
    told('start', `s${i}`, i, i === 0 ? {} : { parent: `s${i - 1}-id` }),
  );
  t.is(timeline(deep).criticalPath.length, 20_000);
  for (const start of deep) delete start.parent;
  t.is(timeline(deep).roots.length, 1);
});

test('a clock that is set back does not turn the order of events around, in a span, outside of it and in the tree', (t) => {
  const said = (message: string, at: number, more: Partial<Diagnostic> = {}) =>
    told('event', 'work', at, { level: 'INFO', message, ...more });
  for (const step of [5000, 1, 3_600_000]) {
    const diagnostics = [
      told('start', 'work', 9000),
      said('one', 9100, { span: 'work-id' }),
      said('two', 9100 - step, { span: 'work-id' }),
      said('three', 9110 - step, { span: 'work-id' }),
    ];
    const found = timeline(diagnostics);
    t.deepEqual(messages(found.roots[0]), ['one', 'two', 'three']);
    const tree = renderTree(found).split('\n');
    t.deepEqual(tree.slice(1), ['├─ INFO one', '├─ INFO two', '└─ INFO three']);
  }
  const outside = timeline([
    said('before', 90_000),
    said('after', 20_000),
    said('of another', 91_000, { agent: 'other/1' }),
    said('later', 92_000),
    said('written late', 50_000, { written: new Date(92_000) }),
  ]);
  t.deepEqual(
    outside.events.map(({ message }) => message),
    ['written late', 'before', 'after', 'of another', 'later'],
  );
});

test("cloud-init's spans without a duration get it from their timestamps, marked as by the wall clock", (t) => {
  const bare = (kind: 'start' | 'finish', name: string, at: number) =>
    told(kind, name, at, { ...CLOUD_INIT, id: `${ids++}`, ...(kind === 'finish' && { result: 'success' }) });
  const { roots } = timeline([
    bare('start', 'init', 1000),
    bare('finish', 'init', 3500),
    bare('start', 'set back', 9000),
    bare('finish', 'set back', 4000),
    stage('start', 'measured', 9500),
    stage('finish', 'measured', 9600),
    bare('start', 'cut off', 9700),
  ]);
  const found = Object.fromEntries(roots.map(({ name, duration, clock }) => [name, [duration, clock]]));
  t.deepEqual(found, {
    init: [2.5, 'wall'],
    'set back': [undefined, undefined],
    measured: [0.001, undefined],
    'cut off': [undefined, undefined],
  });
  t.regex(renderTree({ roots }), /^init {2}2\.50 s by the wall clock {2}success$/m);
});

test("cloud-init's spans whose path starts with no span are in the innermost one around them", (t) => {
  const { roots } = timeline([
    stage('start', 'init-local', 0),
    stage('start', 'init-local/search-Azure', 10),
    stage('start', 'azure-ds/crawl', 20),
    stage('start', 'azure-ds/get_imds', 30),
    stage('finish', 'azure-ds/get_imds', 40),
    stage('finish', 'azure-ds/crawl', 50),
    stage('finish', 'init-local/search-Azure', 60),
    stage('finish', 'init-local', 70),
    stage('start', 'azure-ds/alone', 80),
    stage('finish', 'azure-ds/alone', 90),
  ]);
  t.is(shape(roots), 'init-local(init-local/search-Azure(azure-ds/crawl(azure-ds/get_imds))) azure-ds/alone');
});
