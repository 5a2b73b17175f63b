import { readFileSync } from 'node:fs';
import test from 'ava';
import { cycleIn, importsOfSources } from './helpers/imports.ts';
import { ROOT } from './helpers/programs.ts';

interface Row {
  readonly rooms: string[];
  readonly packages: string[];
}

/** The rooms and what each may import, from the table of docs/design.md. */
function readTable(): Map<string, Row> {
  const text = readFileSync(new URL('docs/design.md', ROOT), 'utf8');
  const [, section = ''] = /^## Which room imports which\n([^]*?)^## /m.exec(text) ?? [];
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(
    rows.map((row) => {
      const [room = '', rooms = '', packages = ''] = row.split('|').slice(1);
      return [namesIn(room)[0] as string, { rooms: namesIn(rooms), packages: namesIn(packages) }];
    }),
  );
}

function namesIn(cell: string): string[] {
  return sorted([...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string));
}

function sorted(names: Iterable<string>): string[] {
  return [...new Set(names)].sort();
}

const table = readTable();
const imports = importsOfSources();

/** The room of a file: the row that is its name, or the nearest of its folders. */
function roomOf(file: string): string {
  const path = file.replace(/\.tsx?$/, '');
  const rooms = [...table.keys()].filter((room) => path === room || path.startsWith(`${room}/`));
  return rooms.reduce((longest, room) => (room.length > longest.length ? room : longest), '');
}

test('each file is in a room, and each room has a file', (t) => {
  const rooms = new Map([...imports.keys()].map((file) => [file, roomOf(file)]));
  t.deepEqual(
    [...rooms].filter(([, room]) => room === '').map(([file]) => file),
    [],
  );
  t.deepEqual([...new Set(rooms.values())].sort(), [...table.keys()].sort());
});

test('rooms import what the table of docs/design.md says, no more and no less', (t) => {
  for (const [room, row] of table) {
    const list = [...imports].filter(([file]) => roomOf(file) === room).flatMap(([, list]) => list);
    const rooms = list.filter(({ isPackage }) => !isPackage).map(({ to }) => roomOf(to));
    const packages = list.filter(({ isPackage }) => isPackage).map(({ to }) => to);
    const found = { rooms: sorted(rooms.filter((other) => other !== room)), packages: sorted(packages) };
    t.deepEqual(found, row, room);
  }
});

test('rooms import each other in no cycle, not even by types', (t) => {
  t.is(cycleIn(new Map([...table].map(([room, { rooms }]) => [room, rooms]))), undefined);
});

test('files import each other in no cycle; what the compiler erases does not count', (t) => {
  const graph = new Map(
    [...imports].map(([file, list]) => [file, list.filter(({ isErased }) => !isErased).map(({ to }) => to)]),
  );
  t.is(cycleIn(graph), undefined);
});

test('one file reads the environment, without what Object.prototype has', (t) => {
  const isReader = (file: string) => {
    const code = readFileSync(new URL(`src/${file}`, ROOT), 'utf8').replace(/\/\*\*.*?\*\//gs, '');
    return /\bprocess\.env\b|\benv\b.*from 'node:process'/.test(code);
  };
  t.deepEqual([...imports.keys()].filter(isReader), ['tracing/environment.ts']);
});

test('a cycle is found', (t) => {
  const graph = { a: ['b'], b: ['c', 'd'], c: [], d: ['e'], e: ['b'] };
  t.deepEqual(cycleIn(new Map(Object.entries(graph))), ['b', 'd', 'e', 'b']);
});
