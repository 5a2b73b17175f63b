import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { OptionError } from '../src/errors.ts';
import { Duration, debugQuoted } from '../src/format/value-text.ts';
import { StderrLayer, type StderrLayerOptions } from '../src/layers/stderr-layer.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { type Target, target } from '../src/tracing/target.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z /;

/** The lines of a program, without their times and ends. */
function linesOf(t: ExecutionContext, program: (log: Target) => void, options: StderrLayerOptions = {}) {
  const lines: string[] = [];
  const writer = { write: (line: string) => lines.push(line) };
  const registry = new Registry().with(
    new StderrLayer({ writer, filter: 'trace', spanEvents: [], ...options }),
  );
  withDefault(registry, () => program(target('azure_init::user')));
  return lines.map((line) => {
    t.regex(line, TIME);
    t.is(line.indexOf('\n'), line.length - 1);
    return line.replace(TIME, '').slice(0, -1);
  });
}

test('a line is as tracing-subscriber prints it', (t) => {
  const lines = linesOf(t, (log) => {
    log.inSpan('provision_user', { fields: { user_id: 42, name: 'al"ice' } }, () =>
      log.info({ user: 'alice', key_count: 3 }, 'Configuring SSH keys'),
    );
    for (const level of ['error', 'warn', 'info', 'debug', 'trace'] as const) log.event(level, 'hi');
    log.info({ only: 'fields' });
    log.info({});
  });
  t.deepEqual(lines, [
    ' INFO provision_user{user_id=42 name="al\\"ice"}: azure_init::user: Configuring SSH keys user="alice" key_count=3',
    'ERROR azure_init::user: hi',
    ' WARN azure_init::user: hi',
    ' INFO azure_init::user: hi',
    'DEBUG azure_init::user: hi',
    'TRACE azure_init::user: hi',
    ' INFO azure_init::user: only="fields"',
    ' INFO azure_init::user: ',
  ]);
});

test('scopes are root first, without braces where there are no fields, hidden ones left out', (t) => {
  const program = (log: Target) =>
    log.inSpan('shaving_yaks', { fields: { yaks: 3 } }, () =>
      log.inSpan('hidden', { level: 'trace' }, () =>
        log.inSpan('barn', () => log.inSpan('shave', { fields: { yak: 1 } }, () => log.info('hello'))),
      ),
    );
  t.deepEqual(linesOf(t, program, { filter: 'info' }), [
    ' INFO shaving_yaks{yaks=3}:barn:shave{yak=1}: azure_init::user: hello',
  ]);
});

test("a scope shows its span's fields as they are by then", (t) => {
  const lines = linesOf(t, (log) =>
    log.inSpan('work', { fields: { tries: 1 } }, (span) => {
      log.info('a');
      span.record({ tries: 2, done: true });
      log.info('b');
    }),
  );
  t.deepEqual(lines, [
    ' INFO work{tries=1}: azure_init::user: a',
    ' INFO work{tries=2 done=true}: azure_init::user: b',
  ]);
});

test("texts are quoted and escaped as Rust's Debug does", (t) => {
  // What rustc 1.9x prints for {:?} of the same texts.
  const cases: [string, string][] = [
    ['', '""'],
    [`it's`, `"it's"`],
    ['a"b\\c', String.raw`"a\"b\\c"`],
    ['\n\r\t\0', String.raw`"\n\r\t\0"`],
    ['\u001b[31m\u007f\u0085', String.raw`"\u{1b}[31m\u{7f}\u{85}"`],
    ['a\u00ad\u200d\u00a0\u2028', String.raw`"a\u{ad}\u{200d}\u{a0}\u{2028}"`],
    ['\u202e\ufeff\ue000', String.raw`"\u{202e}\u{feff}\u{e000}"`],
    ['é日本😀नि', '"é日本😀नि"'],
    ['❤\ufe0fe\u0301', String.raw`"❤\u{fe0f}e\u{301}"`],
  ];
  for (const [text, expected] of cases) t.is(debugQuoted(text), expected);
});

test('a message is raw, but never breaks its line or the terminal', (t) => {
  const lines = linesOf(t, (log) => {
    log.info('say "hi" \\ to C:\\ and é');
    log.info('one\r\ntwo\u001b[2J\u2028three\u0000');
    log.inSpan('a\nb', { target: 'c\nd', fields: { 'e\nf': 1 } }, () => target('c\nd').info('x'));
  });
  t.deepEqual(lines, [
    ' INFO azure_init::user: say "hi" \\ to C:\\ and é',
    String.raw` INFO azure_init::user: one\r\ntwo\x1b[2J\u{2028}three\0`,
    String.raw` INFO a\nb{e\nf=1}: c\nd: x`,
  ]);
});

test('errors tell their causes, numbers and dates are plain, undefined is left out', (t) => {
  const error = new Error('outer', { cause: new Error('cause1', { cause: 'cause2' }) });
  const lines = linesOf(t, (log) => {
    log.error(error);
    log.error({ problem: new Error('line\nbreak'), n: 1 }, 'failed');
    log.info({ a: 1, b: -0.5, c: 1e21, d: 10n, e: true, f: null, g: undefined, h: NaN, i: Infinity });
    log.info({ at: new Date(0), list: [1, 'a'], object: { b: { c: 'x\ny' } } });
  });
  t.deepEqual(lines, [
    'ERROR azure_init::user: outer error=outer error.sources=[cause1, cause2]',
    String.raw`ERROR azure_init::user: failed problem=line\nbreak n=1`,
    ' INFO azure_init::user: a=1 b=-0.5 c=1e21 d=10 e=true f=null h=NaN i=inf',
    String.raw` INFO azure_init::user: at=1970-01-01T00:00:00.000Z list=[ 1, 'a' ] object={ b: { c: 'x\ny' } }`,
  ]);
});

test('span events are new and close unless others are chosen', (t) => {
  const program = (log: Target) => log.inSpan('work', { fields: { a: 1 } }, () => log.info('hi'));
  const time = String.raw`\d[\d.]*(ns|µs|ms|s)`;
  const close = new RegExp(
    `^ INFO work\\{a=1\\}: azure_init::user: close time.busy=${time} time.idle=${time}$`,
  );
  const head = ' INFO work{a=1}: azure_init::user:';
  const seen = (spanEvents?: StderrLayerOptions['spanEvents']) =>
    linesOf(t, program, { spanEvents } as StderrLayerOptions).map((line) =>
      close.test(line) ? 'close' : line.replace(`${head} `, ''),
    );
  t.deepEqual(seen(), ['new', 'hi', 'close']);
  t.deepEqual(seen(['close', 'exit', 'enter', 'new']), ['new', 'enter', 'hi', 'exit', 'close']);
  t.deepEqual(seen(['enter']), ['enter', 'hi']);
  t.deepEqual(seen([]), ['hi']);
  t.throws(() => new StderrLayer({ spanEvents: ['open' as 'new'] }), { instanceOf: OptionError });
});

test('busy is the time inside, until an async function settles, idle the rest', async (t) => {
  const lines: string[] = [];
  const layer = new StderrLayer({ writer: { write: (line) => lines.push(line) }, filter: 'info' });
  await withDefault(new Registry().with(layer), async () => {
    const span = target('a').span('work');
    await sleep(30);
    await span.inScope(() => sleep(60));
    span.close();
  });
  const [, busy, idle] = /time\.busy=([\d.]+)ms time\.idle=([\d.]+)ms/.exec(lines[1] ?? '') ?? [];
  t.true(Number(busy) >= 59 && Number(busy) < 1000, lines[1]);
  t.true(Number(idle) >= 29 && Number(idle) < 1000, lines[1]);
});

test('durations have three digits and a unit', (t) => {
  const cases: [number, string][] = [
    [0, '0.00ns'],
    [0.000_25, '250ns'],
    [0.0217, '21.7µs'],
    [0.072, '72.0µs'],
    [1.5, '1.50ms'],
    [999, '999ms'],
    [12_345, '12.3s'],
    [3_600_000, '3600s'],
  ];
  for (const [milliseconds, expected] of cases) t.is(String(new Duration(milliseconds)), expected);
});

test('without a terminal only errors have lines', (t) => {
  const lines: string[] = [];
  const layer = new StderrLayer({ writer: { write: (line) => lines.push(line) } });
  const log = target('a');
  withDefault(new Registry().with(layer), () => (log.warn('no'), log.error('yes')));
  t.is(lines.length, 1);
});

test('a file is made with its folders, 0600, appended to, and takes lines of any length', async (t) => {
  const file = join(folderOf(t), 'var/log/agent.log');
  const long = 'x'.repeat(200_000);
  for (const message of ['one', long, 'two']) {
    const layer = new StderrLayer({ writer: file, filter: 'info' });
    withDefault(new Registry().with(layer), () => target('a').info(message));
    t.deepEqual(layer.stats(), { lines: 1, dropped: 0 });
    t.deepEqual(await layer.shutdown(), { complete: true, dropped: 0, problems: [] });
  }
  t.is(statSync(file).mode & 0o777, 0o600);
  const lines = readFileSync(file, 'utf8').replaceAll(/^\S+ {2}INFO a: /gm, '');
  t.is(lines, `one\n${long}\ntwo\n`);
});

test("a file that is there keeps its mode, one that can't be opened is told", (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'agent.log');
  writeFileSync(file, 'before\n', { mode: 0o644 });
  const layer = new StderrLayer({ writer: file });
  withDefault(new Registry().with(layer), () => target('a').error('after'));
  t.regex(readFileSync(file, 'utf8'), /^before\n\S+ ERROR a: after\n$/);
  t.is(statSync(file).mode & 0o777, 0o644);
  mkdirSync(join(folder, 'folder'));
  t.throws(() => new StderrLayer({ writer: join(folder, 'folder') }), { code: 'EISDIR' });
  t.throws(() => new StderrLayer({ writer: {} as never }), { instanceOf: OptionError });
});

test('a writer that throws or rejects costs its lines, never the program', async (t) => {
  const problems: Error[] = [];
  const error = new Error('disk full');
  const onProblem = (problem: Error): void => void problems.push(problem);
  const throwing = new StderrLayer({
    onProblem,
    writer: {
      write: () => {
        throw error;
      },
    },
  });
  const rejecting = new StderrLayer({ onProblem, writer: { write: () => Promise.reject(error) } });
  const registry = new Registry({ onProblem }).with(throwing).with(rejecting);
  withDefault(registry, () => (target('a').error('one'), target('a').error('two')));
  await sleep(5);
  t.deepEqual([throwing.stats(), rejecting.stats()], Array(2).fill({ lines: 2, dropped: 2 }));
  t.deepEqual(
    problems.map(({ message }) => message),
    Array(2).fill('lines to a stream are lost: disk full'),
  );
});

test('lines and what the program itself writes share a file without harming each other', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'err.log');
  const source = `
    import { Registry, setGlobalDefault, StderrLayer, error } from 'kvp-tracing';
    setGlobalDefault(new Registry().with(new StderrLayer()));
    for (let i = 0; i < 5; i++) { error('ours ' + i); console.error('theirs ' + i); }`;
  const fd = openSync(file, 'w');
  const { code } = await ended(start({ source, folder }, [], { stdio: ['ignore', 'pipe', fd] }));
  closeSync(fd);
  t.is(code, 0);
  const said = readFileSync(file, 'utf8').trimEnd().split('\n');
  t.deepEqual(
    said.map((line) => line.replace(/^.*app: /, '')),
    [0, 1, 2, 3, 4].flatMap((i) => [`ours ${i}`, `theirs ${i}`]),
  );
});

test("a descriptor of the caller's stays open", async (t) => {
  const file = join(folderOf(t), 'log');
  const fd = openSync(file, 'w');
  const registry = new Registry().with(new StderrLayer({ writer: fd, filter: 'info' }));
  withDefault(registry, () => target('t').info('ours'));
  await registry.shutdown();
  await new Promise((resolve) => setTimeout(resolve, 20));
  writeSync(fd, 'theirs\n');
  closeSync(fd);
  t.regex(readFileSync(file, 'utf8'), /ours\ntheirs\n$/);
});
