import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { OptionError } from '../src/errors.ts';
import { StderrLayer } from '../src/layers/stderr-layer.ts';
import { JsonLayer } from '../src/pino/json-layer.ts';
import { initializeTracing } from '../src/setup/initialize-tracing.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';

const isRoot = process.geteuid?.() === 0;
const OTHER = 65_534;

test('whatever the umask, nobody else may write to the folders of a log file, or read the file', async (t) => {
  const source = `import { StderrLayer } from 'kvp-tracing';
    process.umask(Number(process.argv[2]));
    await new StderrLayer({ writer: process.argv[3] }).shutdown();`;
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  for (const [umask, folders, file] of [
    ['0', '755', '600'],
    ['0o022', '755', '600'],
    ['0o077', '700', '600'],
  ] as const) {
    const folder = folderOf(t);
    const log = join(folder, 'a/b/agent.log');
    const { code, stderr } = await ended(start({ source, folder }, [umask, log]));
    t.is(code, 0, stderr);
    t.deepEqual([mode(join(folder, 'a')), mode(join(folder, 'a/b')), mode(log)], [folders, folders, file]);
  }
});

test('a log file that is a link is refused, and what it leads to stays as it was', (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'precious'), 'as it was');
  for (const [name, to] of [
    ['link', 'precious'],
    ['dangling', 'new'],
    ['loop', 'loop'],
  ] as const) {
    symlinkSync(to, join(folder, name));
    for (const Layer of [StderrLayer, JsonLayer]) {
      t.throws(() => new Layer({ writer: join(folder, name) }), {
        code: 'ELOOP',
        message: /is a link, which is not followed; name the file itself/,
      });
    }
  }
  t.is(readFileSync(join(folder, 'precious'), 'utf8'), 'as it was');
  t.false(existsSync(join(folder, 'new')));
});

test.serial(
  'a link that takes the place of a log file is not followed at the next opening either',
  async (t) => {
    const folder = folderOf(t);
    const file = join(folder, 'agent.log');
    const problems: string[] = [];
    const layer = new StderrLayer({
      writer: file,
      filter: 'info',
      reopenOn: 'SIGHUP',
      onProblem: ({ message }) => problems.push(message),
    });
    writeFileSync(join(folder, 'precious'), 'as it was');
    renameSync(file, `${file}.1`);
    symlinkSync('precious', file);
    process.kill(process.pid, 'SIGHUP');
    for (let i = 0; i < 200 && problems.length === 0; i++) await sleep(5);
    withDefault(new Registry().with(layer), () => target('t').info('line'));
    await layer.shutdown();
    t.regex(problems[0] ?? '', /agent\.log can't be opened anew: ELOOP/);
    t.is(readFileSync(join(folder, 'precious'), 'utf8'), 'as it was');
    t.regex(readFileSync(`${file}.1`, 'utf8'), /line\n$/);
  },
);

test('links to folders are followed', (t) => {
  const folder = folderOf(t);
  mkdirSync(join(folder, 'real/deep'), { recursive: true });
  symlinkSync('real', join(folder, 'own'));
  t.notThrows(() => new StderrLayer({ writer: join(folder, 'own/new/agent.log') }));
  t.true(existsSync(join(folder, 'real/new/agent.log')));
});

test('links of other users are not followed', (t) => {
  if (!has(t, isRoot ? undefined : 'only root can give a link away: run as root')) return;
  const folder = folderOf(t);
  mkdirSync(join(folder, 'real/deep'), { recursive: true });
  symlinkSync('real', join(folder, 'theirs'));
  lchownSync(join(folder, 'theirs'), OTHER, OTHER);
  for (const path of ['theirs/agent.log', 'theirs/deep/agent.log', 'theirs/made/agent.log']) {
    t.throws(() => new StderrLayer({ writer: join(folder, path) }), {
      message: /theirs is a link of user 65534, which is not followed/,
    });
  }
  t.deepEqual(readdirSync(join(folder, 'real')).toSorted(), ['deep']);
  chownSync(join(folder, 'real'), OTHER, OTHER);
  t.notThrows(() => new StderrLayer({ writer: join(folder, 'real/agent.log') }), 'a folder may be theirs');
});

test('the names of descriptors are no links to anywhere', async (t) => {
  const source = `import { StderrLayer, Registry, target, withDefault } from 'kvp-tracing';
    const layer = new StderrLayer({ writer: process.argv[2], filter: 'info' });
    withDefault(new Registry().with(layer), () => target('t').info('line'));
    await layer.shutdown();`;
  const folder = folderOf(t);
  for (const name of ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1']) {
    const child = start({ source, folder }, [name]);
    child.kill();
    // A pipe, because the standard output of a child of Node.js is a socket, which has no name.
    const shell = ['-c', '"$@" | cat', 'sh', ...child.spawnargs];
    t.regex(execFileSync('sh', shell, { encoding: 'utf8', cwd: process.cwd() }), /INFO t: line\n$/, name);
  }
});

/** The descriptors of this process that lead into a folder. */
function openIn(folder: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`).startsWith(folder)).length;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // That of the reading itself.
    return '';
  }
}

test.serial(
  'what is refused while setting up leaves no file open, no listener and nothing at exit',
  async (t) => {
    const folder = folderOf(t);
    const writer = join(folder, 'log');
    const counts = () => [openIn(folder), process.listenerCount('SIGHUP'), process.listenerCount('exit')];
    const before = counts();
    for (const pino of [
      { redact: 5 as never },
      { redact: { paths: ['a..b'] } },
      { useOnlyCustomLevels: true, customLevels: { mine: 35 } },
    ]) {
      t.throws(() => new JsonLayer({ writer, reopenOn: 'SIGHUP', pino }), undefined, JSON.stringify(pino));
      t.deepEqual(counts(), before);
      const file = { path: writer, reopenOn: 'SIGHUP', format: 'json', pino } as never;
      await t.throwsAsync(initializeTracing({ kvp: false, stderr: false, file }), {
        instanceOf: OptionError,
      });
      t.deepEqual(counts(), before);
    }
    for (const wrong of [
      { filter: 'a=b=c' },
      { spanEvents: ['none' as never] },
      { format: 'none' as never },
    ]) {
      t.throws(() => new StderrLayer({ writer, reopenOn: 'SIGHUP', ...wrong }));
      t.deepEqual(counts(), before);
    }
  },
);

test.serial('a log file that finds no place in the registry is closed again', async (t) => {
  const folder = folderOf(t);
  const layers = Array.from({ length: 31 }, (_, i) => ({ name: `layer ${i}` }));
  const tracing = await initializeTracing({ kvp: false, stderr: false, layers, onProblem: () => {} });
  await t.throwsAsync(tracing.reload({ file: join(folder, 'log') }), { instanceOf: RangeError });
  t.is(openIn(folder), 0);
  await tracing.shutdown();
});
