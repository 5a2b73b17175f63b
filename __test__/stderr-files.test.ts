import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { OptionError } from '../src/errors.ts';
import { StderrLayer, type StderrLayerOptions } from '../src/layers/stderr-layer.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { type Target, target } from '../src/tracing/target.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';

/** A layer of these options, how to emit through it, and the problems it told. */
function writing(options: StderrLayerOptions) {
  const problems: string[] = [];
  const onProblem = (problem: Error) => problems.push(problem.message);
  const layer = new StderrLayer({ filter: 'info', spanEvents: [], onProblem, ...options });
  const registry = new Registry().with(layer);
  const emit = (program: (log: Target) => void) => withDefault(registry, () => program(target('t')));
  return { layer, problems, emit };
}

/** What to install for a program of util-linux; `undefined` where it is there. */
function missing(program: string): string | undefined {
  const isThere = spawnSync(program, ['--version']).status === 0;
  return isThere ? undefined : `missing ${program}: apt-get install util-linux bsdutils`;
}

/** A FIFO with a reader that does not read yet, and a descriptor whose writes would wait. */
function stalled(t: ExecutionContext): { reader: number; writer: number; path: string } {
  const path = join(folderOf(t), 'fifo');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  return { reader, writer, path };
}

/** What a pipe holds now. */
function read(fd: number): string {
  const parts: Buffer[] = [];
  const part = Buffer.alloc(65_536);
  try {
    for (let n = readSync(fd, part); n > 0; n = readSync(fd, part))
      parts.push(Buffer.from(part.subarray(0, n)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
  return Buffer.concat(parts).toString();
}

test.serial('a file that was moved away is made anew at the signal, and no line is lost', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'log/agent.log');
  const { layer, emit } = writing({ writer: file, reopenOn: 'SIGHUP' });
  emit((log) => log.info('one'));
  renameSync(file, `${file}.1`);
  emit((log) => log.info('two'));
  process.kill(process.pid, 'SIGHUP');
  await sleep(50);
  emit((log) => log.info('three'));
  t.regex(readFileSync(`${file}.1`, 'utf8'), /^\S+ {2}INFO t: one\n\S+ {2}INFO t: two\n$/);
  t.regex(readFileSync(file, 'utf8'), /^\S+ {2}INFO t: three\n$/);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.deepEqual(await layer.shutdown(), { complete: true, dropped: 0, problems: [] });
  t.is(process.listenerCount('SIGHUP'), 0);
});

test.serial('where no file can be made at the signal the old one is used on, and that is told', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'log/agent.log');
  const { layer, problems, emit } = writing({ writer: file, reopenOn: 'SIGUSR2' });
  renameSync(join(folder, 'log'), join(folder, 'old'));
  writeFileSync(join(folder, 'log'), 'in the way');
  process.kill(process.pid, 'SIGUSR2');
  await sleep(50);
  emit((log) => log.info('still here'));
  await layer.shutdown();
  t.regex(readFileSync(join(folder, 'old/agent.log'), 'utf8'), /still here\n$/);
  t.is(problems.length, 1);
  t.regex(problems[0] ?? '', /agent\.log can't be opened anew: EEXIST|ENOTDIR/);
});

test('a signal is asked for by its name and for a path only', (t) => {
  const writer = join(folderOf(t), 'log');
  for (const options of [
    { writer, reopenOn: 'SIGKILL' },
    { writer, reopenOn: 'toString' as 'SIGHUP' },
    { writer: { write: () => {} }, reopenOn: 'SIGHUP' },
    { reopenOn: 'SIGHUP' },
    { writer: '' },
    { writer: 'a\0b' },
    { format: 'json' as 'full' },
    { format: 'toString' as 'full' },
    { color: 'yes' as unknown as boolean },
    { spanEvents: 'new' as unknown as [] },
  ] satisfies StderrLayerOptions[]) {
    t.throws(() => new StderrLayer(options), { instanceOf: OptionError }, JSON.stringify(options));
  }
  const error = t.throws(() => new StderrLayer({ format: 'json' as 'full' }));
  t.regex(error?.message ?? '', /JsonLayer of kvp-tracing\/pino, or that of initializeTracing.+not "json"/);
});

test('a full disk costs lines, which are counted, and is told once', async (t) => {
  const { layer, problems, emit } = writing({ writer: '/dev/full' });
  emit((log) => {
    for (let i = 0; i < 10; i++) log.info('lost');
  });
  t.deepEqual(layer.stats(), { lines: 10, dropped: 10 });
  t.deepEqual(problems, ['lines to /dev/full are lost: ENOSPC: no space left on device, write']);
  const { complete, dropped } = await layer.shutdown();
  t.deepEqual([complete, dropped], [false, 10]);
});

test('where a file may not grow any further it ends in a whole line', async (t) => {
  if (!has(t, missing('prlimit'))) return;
  const folder = folderOf(t);
  const file = join(folder, 'log');
  const source = `
    import { execFileSync } from 'node:child_process';
    import { Registry, StderrLayer, target, withDefault } from 'kvp-tracing';
    const layer = new StderrLayer({ writer: ${JSON.stringify(file)}, filter: 'info', onProblem: () => {} });
    execFileSync('prlimit', ['--fsize=5000', '--pid', String(process.pid)]);
    withDefault(new Registry().with(layer), () => {
      for (let i = 0; i < 100; i++) target('t').info({ i }, 'é'.repeat(40));
    });
    console.log(JSON.stringify(layer.stats()));`;
  const { code, stdout } = await ended(start({ source, folder }));
  t.is(code, 0);
  const { lines, dropped } = JSON.parse(stdout) as { lines: number; dropped: number };
  const got = readFileSync(file, 'utf8').split('\n');
  t.is(got.pop(), '');
  for (const line of got) t.regex(line, /^\S+ {2}INFO t: é{40} i=\d+$/);
  t.true(got.length > 30);
  t.deepEqual([lines, got.length + dropped], [100, 100]);
});

test("a pipe of the caller's whose reader stalls does not hold it, and gets each line whole", async (t) => {
  const { reader, writer } = stalled(t);
  const { layer, emit } = writing({ writer });
  const long = 'x'.repeat(100_000);
  emit((log) => {
    log.info(long);
    for (let i = 0; i < 2000; i++) log.info({ i }, 'y'.repeat(100));
  });
  let got = '';
  for (let i = 0; i < 20; i++) {
    got += read(reader);
    await sleep(20);
  }
  emit((log) => log.info('last'));
  const { complete } = await layer.shutdown();
  got += read(reader);
  t.true(complete);
  const lines = got.trimEnd().split('\n');
  t.regex(lines[0] ?? '', /^\S+ {2}INFO t: x{100000}$/);
  t.regex(lines.at(-1) ?? '', /^\S+ {2}INFO t: last$/);
  for (const line of lines.slice(1, -1)) t.regex(line, /^\S+ {2}INFO t: y{100} i=\d+$/);
  const { lines: said, dropped } = layer.stats();
  t.true(dropped > 0);
  t.deepEqual([said, lines.length + dropped], [2002, 2002]);
  closeSync(reader);
  closeSync(writer);
});

test('a FIFO that nobody reads is an error, not a wait', (t) => {
  const path = join(folderOf(t), 'fifo');
  execFileSync('mkfifo', [path]);
  t.throws(() => new StderrLayer({ writer: path }), { code: 'ENXIO' });
});

test('a destination of pino gets lines, is flushed, and stays open', async (t) => {
  const { pino } = await import('pino');
  const file = join(folderOf(t), 'log');
  const destination = pino.destination({ dest: file, sync: false, minLength: 4096 });
  const { layer, emit } = writing({ writer: destination });
  emit((log) => log.info('one'));
  t.deepEqual(await layer.shutdown(), { complete: true, dropped: 0, problems: [] });
  t.regex(readFileSync(file, 'utf8'), /INFO t: one\n$/);
  destination.write('two\n');
  destination.flushSync();
  t.regex(readFileSync(file, 'utf8'), /one\ntwo\n$/);
});

test('a stream that fails later does not end the program, one that never drains is left in time', async (t) => {
  const { createWriteStream } = await import('node:fs');
  const broken = createWriteStream(join(folderOf(t), 'no/such/folder/log'));
  const { layer, emit } = writing({ writer: broken });
  emit((log) => log.info('lost'));
  for (let i = 0; i < 200 && layer.stats().dropped === 0; i++) await sleep(10);
  t.is(layer.stats().dropped, 1);

  const { Writable } = await import('node:stream');
  const stuck = writing({ writer: new Writable({ write: () => {} }) });
  const text = 'x'.repeat(200_000);
  stuck.emit((log) => {
    for (let i = 0; i < 40; i++) log.info(text);
  });
  const { complete, dropped } = await stuck.layer.shutdown({ timeout: 50 });
  t.false(complete);
  t.true(dropped > 10, `${dropped}`);
});

test('a flush without a deadline waits for a slow stream', async (t) => {
  const { Writable } = await import('node:stream');
  const slow = new Writable({ highWaterMark: 1, write: (_, _encoding, done) => void setTimeout(done, 50) });
  const { layer, emit } = writing({ writer: slow });
  emit((log) => log.info('late'));
  t.deepEqual(await layer.flush({ timeout: Infinity }), { complete: true, dropped: 0, problems: [] });
});

test.serial(
  'colour is for terminals, NO_COLOR, FORCE_COLOR and the option have their say in this order',
  (t) => {
    const isColored = (options: StderrLayerOptions, env: Record<string, string>, isTTY: boolean): boolean => {
      const before = { ...process.env };
      delete process.env['FORCE_COLOR'];
      delete process.env['NO_COLOR'];
      Object.assign(process.env, env);
      let text = '';
      const { emit } = writing({
        writer: { write: (line: string) => void (text += line), isTTY } as never,
        ...options,
      });
      emit((log) => log.info('hi'));
      process.env = before;
      return text.includes('\u001b');
    };
    t.true(isColored({}, {}, true));
    t.false(isColored({}, {}, false));
    t.false(isColored({}, { NO_COLOR: '1' }, true));
    t.true(isColored({}, { NO_COLOR: '' }, true));
    t.true(isColored({}, { NO_COLOR: '1', FORCE_COLOR: '1' }, false));
    t.false(isColored({}, { FORCE_COLOR: '0' }, true));
    t.false(isColored({ color: false }, { FORCE_COLOR: '1' }, true));
    t.true(isColored({ color: true }, { NO_COLOR: '1' }, false));
  },
);

test.serial('a file has colour only if the option says so', (t) => {
  const file = join(folderOf(t), 'log');
  process.env['FORCE_COLOR'] = '1';
  t.teardown(() => delete process.env['FORCE_COLOR']);
  writing({ writer: file }).emit((log) => log.info('plain'));
  writing({ writer: file, color: true }).emit((log) => log.info('green'));
  const [plain = '', green = ''] = readFileSync(file, 'utf8').split('\n');
  t.false(plain.includes('\u001b'));
  t.true(green.includes('\u001b[32m INFO'));
});

/** Emits at each level to a stderr that is the journal's if it says so. */
const JOURNAL = `import { fstatSync } from 'node:fs';
  const { dev, ino } = fstatSync(2, { bigint: true });
  process.env.JOURNAL_STREAM = process.argv[2] === 'journal' ? dev + ':' + ino : dev + ':1';
  const { initializeTracing, error, warn, info, debug, trace } = await import('kvp-tracing');
  const tracing = await initializeTracing({ kvp: false, stderr: { filter: 'trace', format: process.argv[3], ...(process.argv[3] !== 'json' && { color: true }) } });
  for (const emit of [error, warn, info, debug, trace]) emit({ a: 1 }, 'hi');
  await tracing.shutdown();`;

async function journalLines(t: ExecutionContext, ...args: string[]): Promise<string[]> {
  const env = { FORCE_COLOR: '1', AZURE_INIT_LOG: '' };
  const { stderr } = await ended(start({ source: JOURNAL, folder: folderOf(t) }, args, { env }));
  return stderr.split('\n').map((line) => line.replace(/\d{4}-\S+Z |"time":\d+/, ''));
}

test("in systemd's journal lines have priorities and no colour", async (t) => {
  t.deepEqual(await journalLines(t, 'journal', 'full'), [
    '<3>ERROR app: hi a=1',
    '<4> WARN app: hi a=1',
    '<6> INFO app: hi a=1',
    '<7>DEBUG app: hi a=1',
    '<7>TRACE app: hi a=1',
    '',
  ]);
  t.deepEqual((await journalLines(t, 'journal', 'pretty')).slice(0, 3), [
    '<3>  ERROR app: hi, a: 1',
    '',
    '<4>   WARN app: hi, a: 1',
  ]);
  t.is((await journalLines(t, 'journal', 'json'))[0], '<3>{"level":50,,"target":"app","a":1,"msg":"hi"}');
});

test('where JOURNAL_STREAM names something else, as in a child with a pipe, there are none', async (t) => {
  const [line = ''] = await journalLines(t, 'elsewhere', 'full');
  t.false(line.startsWith('<'));
  t.true(line.includes('\u001b[31mERROR'));
});

test('a terminal gets information and colour', async (t) => {
  if (!has(t, missing('script'))) return;
  const source = `import { Registry, StderrLayer, target, withDefault } from 'kvp-tracing';
    const layer = new StderrLayer({ spanEvents: [] });
    withDefault(new Registry().with(layer), () => { target('t').info('hi'); target('t').debug('no'); });`;
  // Some versions of Node.js warn of both together, though they are empty.
  const env = { NO_COLOR: '', FORCE_COLOR: undefined };
  const child = start({ source, folder: folderOf(t) }, [], { env });
  const command = child.spawnargs.map((part) => `'${part}'`).join(' ');
  const { stderr } = await ended(child);
  t.is(stderr, '', 'a pipe gets errors only');
  const said = execFileSync('script', ['-qec', command, '/dev/null'], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    cwd: new URL('..', import.meta.url),
  });
  t.regex(said, /\u001b\[32m INFO\u001b\[0m \u001b\[2mt\u001b\[0m\u001b\[2m:\u001b\[0m hi\r?\n$/);
});

test('a writer whose flush takes no callback has flushed when it returns, or when its promise settles', async (t) => {
  for (const flush of [() => {}, async () => {}]) {
    const { layer, emit } = writing({ writer: { write: () => {}, flush } as { write(line: string): void } });
    emit((log) => log.info('x'));
    t.true((await layer.flush({ timeout: 2000 })).complete);
  }
});
