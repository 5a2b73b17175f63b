import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { LineFile } from '../src/layers/line-file.ts';
import { folderOf } from './helpers/pool-folder.ts';

/** A FIFO has room for 64 KiB, lines of this length fill it, and as many wait. */
const LENGTH = 4096;
const ROOM = (64 * 1024) / LENGTH;

const lineOf = (name: number): string => `${name}`.padEnd(LENGTH - 1, '.') + '\n';

/** A file of lines on a FIFO whose reader reads when it is told to. */
function fifo(t: ExecutionContext) {
  const path = join(folderOf(t), 'fifo');
  spawnSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  t.teardown(() => closeSync(reader));
  const problems: string[] = [];
  const onProblem = ({ message }: Error): unknown => problems.push(message);
  const file = new LineFile(path, { reopenOn: undefined, onProblem });
  const buffer = Buffer.alloc(1024 * 1024);
  /** What the FIFO holds, and the numbers of its lines. */
  const text = (): string => {
    try {
      return buffer.toString('latin1', 0, readSync(reader, buffer));
    } catch {
      return '';
    }
  };
  const read = (): number[] => text().split('\n').slice(0, -1).map(Number.parseFloat);
  return { file, problems, text, read };
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

test('64 KiB of lines wait for a slow reader, further ones are dropped, and all that wait are written', async (t) => {
  const { file, problems, read } = fifo(t);
  for (const i of numbers(0, 2 * ROOM)) file.write(lineOf(i));
  t.deepEqual(file.stats(), { lines: 2 * ROOM, dropped: 0 });
  file.write('x\n');
  t.deepEqual(file.stats(), { lines: 2 * ROOM + 1, dropped: 1 });
  t.deepEqual(read(), numbers(0, ROOM));
  // Nobody writes another line: a timer does.
  let later: number[] = [];
  for (let turn = 0; turn < 500 && later.length < ROOM; turn++) {
    await sleep(10);
    later = [...later, ...read()];
  }
  t.deepEqual(later, numbers(ROOM, 2 * ROOM));
  for (const i of numbers(0, 2 * ROOM)) file.write(lineOf(i));
  t.is(file.stats().dropped, 1, 'there is room again');
  read();
  t.like(await file.end(), { complete: true, dropped: 1, problems: [] });
  t.deepEqual(problems, []);
});

test('the next line gives a reader that goes on what waits, in the order of the lines', async (t) => {
  const { file, read } = fifo(t);
  for (const i of numbers(0, ROOM + 2)) file.write(lineOf(i));
  t.deepEqual(read(), numbers(0, ROOM));
  await sleep(2);
  file.write(lineOf(ROOM + 2));
  t.deepEqual(read(), numbers(ROOM, ROOM + 3));
  await file.end();
});

test('a flush says what waits at its deadline, and that nothing does once it is written', async (t) => {
  const { file, read } = fifo(t);
  for (const i of numbers(0, ROOM + 3)) file.write(lineOf(i));
  const began = performance.now();
  const { complete, dropped, problems } = await file.flush({ timeout: 60 });
  t.true(performance.now() - began >= 55);
  t.deepEqual([complete, dropped, problems.length], [false, 0, 1]);
  t.regex(problems[0]?.message ?? '', /^lines wait: EAGAIN/);
  const flushed = file.flush();
  await sleep(20);
  read();
  t.deepEqual(await flushed, { complete: true, dropped: 0, problems: [] });
  t.deepEqual(read(), numbers(ROOM, ROOM + 3));
  await file.end();
});

test('what waits at the end is lost and counted, and so is what comes later, without a wait', async (t) => {
  const { file, read } = fifo(t);
  for (const i of numbers(0, ROOM + 3)) file.write(lineOf(i));
  t.like(await file.end({ timeout: 20 }), { complete: false, dropped: 3 });
  file.write('late\n');
  t.deepEqual(file.stats(), { lines: ROOM + 4, dropped: 4 });
  const began = performance.now();
  t.is((await file.flush()).dropped, 4);
  t.true(performance.now() - began < 2000);
  t.deepEqual(read(), numbers(0, ROOM));
  await sleep(120);
  t.deepEqual(read(), [], 'nothing is written any more');
});

test('a line that is written in part is completed, and before the next', async (t) => {
  const { file, text } = fifo(t);
  const short = numbers(1, ROOM).map(lineOf).join('');
  for (const end of ['\n', '\nnext\n']) {
    const lines = `${short}${'9'.repeat(40_000)}${end}`;
    for (const line of lines.split(/(?<=\n)/)) file.write(line);
    let all = '';
    for (let turn = 0; turn < 500 && all.length < lines.length; turn++) {
      all += text();
      await sleep(10);
    }
    t.true(all === lines, `${all.length} characters`);
  }
  t.deepEqual(await file.end(), { complete: true, dropped: 0, problems: [] });
});

test('a file is appended to, by its path or by a descriptor, which stays open', async (t) => {
  const path = join(folderOf(t), 'log');
  writeFileSync(path, 'before\n');
  const own = new LineFile(path, { reopenOn: undefined, onProblem: () => t.fail() });
  own.write('one\n');
  t.is(readFileSync(path, 'utf8'), 'before\none\n', 'at once');
  t.false(own.isTerminal);
  const fd = openSync(path, 'a');
  const given = new LineFile(fd, { reopenOn: undefined, onProblem: () => t.fail() });
  given.write('two\n');
  t.deepEqual(await given.end(), { complete: true, dropped: 0, problems: [] });
  t.notThrows(() => closeSync(fd));
  t.deepEqual(await own.end(), { complete: true, dropped: 0, problems: [] });
  own.write('late\n');
  t.deepEqual(own.stats(), { lines: 2, dropped: 1 });
  t.is(readFileSync(path, 'utf8'), 'before\none\ntwo\n');
});

test('each cause of a loss is told once', async (t) => {
  const path = join(folderOf(t), 'log');
  writeFileSync(path, '');
  // Writing to it is an error.
  const fd = openSync(path, 'r');
  const problems: string[] = [];
  const file = new LineFile(fd, { reopenOn: undefined, onProblem: ({ message }) => problems.push(message) });
  for (let i = 0; i < 3; i++) file.write('lost\n');
  t.deepEqual(file.stats(), { lines: 3, dropped: 3 });
  t.is(problems.length, 1);
  t.regex(problems[0] ?? '', new RegExp(`^lines to descriptor ${fd} are lost: EBADF`));
  const { complete, problems: own } = await file.flush();
  t.false(complete);
  t.regex(own[0]?.message ?? '', /^lines are lost: EBADF/);
  await file.end();
  closeSync(fd);
});
