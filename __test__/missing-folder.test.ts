import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { initializeTracing } from '../src/setup/initialize-tracing.ts';
import { target } from '../src/tracing/target.ts';
import { asHypervGuest, namespacesMissing } from './helpers/namespaces.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';

const log = target('agent');

/** A set-up whose pool's folder does not exist. */
async function setUp(t: ExecutionContext) {
  const path = join(folderOf(t), 'hyperv', '.kvp_pool_1');
  const problems: string[] = [];
  const onProblem = ({ message }: Error): unknown => problems.push(message);
  const tracing = await initializeTracing({
    kvp: { path, vmId: 'vm' },
    opentelemetry: false,
    stderr: false,
    onProblem,
  });
  t.teardown(() => tracing.shutdown());
  return { path, tracing, problems };
}

/** What something comes to, and how long it takes in milliseconds. */
async function timed<R>(act: () => Promise<R>): Promise<R & { took: number }> {
  const started = performance.now();
  return { ...(await act()), took: performance.now() - started };
}

const noFolder = /cannot open .*hyperv.*\(ENOENT\)/;

test.serial('a flush gives a missing folder 200 ms and says ENOENT, each time', async (t) => {
  const { tracing, problems } = await setUp(t);
  log.info('waits');
  for (let i = 0; i < 2; i++) {
    const { complete, dropped, problems: own, took } = await timed(() => tracing.flush());
    t.deepEqual([complete, dropped, own.length], [false, 0, 1]);
    t.regex(String(own[0]), noFolder);
    t.true(took >= 190 && took < 1000, `${took} ms`);
  }
  t.is(problems.length, 1, 'it is told once');
});

test.serial('it is said what is waited for and what makes it, and once that it came', async (t) => {
  const { path, tracing, problems } = await setUp(t);
  log.info('waits');
  await tracing.flush();
  const why = `the folder ${dirname(path)} is missing; it is waited for while the program runs, and usually made by hv_kvp_daemon (is it installed?`;
  t.true(problems[0]?.startsWith(why), problems[0]);
  const { lastError } = tracing.stats()['EmitKVPLayer'] as { lastError: Error };
  t.true(lastError.message.startsWith(why));
  mkdirSync(dirname(path));
  // No flush asks for it.
  for (let turn = 0; turn < 400 && problems.length < 2; turn++) await sleep(20);
  t.regex(problems[1] ?? '', /^the pool .*\.kvp_pool_1 can be opened now, [\d.]+ s after /);
  log.info('written');
  t.deepEqual(await tracing.flush(), { complete: true, dropped: 0, problems: [] });
  t.is(problems.length, 2);
});

test.serial('a program that only shuts down hears as well what is waited for', async (t) => {
  const { path, tracing, problems } = await setUp(t);
  log.info('lost');
  const outcome = await tracing.shutdown();
  const why = `the folder ${dirname(path)} is missing; it is waited for while the program runs`;
  t.true(problems[0]?.startsWith(why), problems[0]);
  t.true(outcome.problems[0]?.message.startsWith(why));
});

test.serial('a shutdown gives it 200 ms and says what was lost, and why', async (t) => {
  const { tracing } = await setUp(t);
  log.info('lost');
  log.warn('lost');
  await tracing.flush();
  const { complete, dropped, problems, took } = await timed(() => tracing.shutdown());
  t.deepEqual([complete, dropped], [false, 2]);
  t.true(took < 1000, `${took} ms`);
  t.true(
    problems.some(({ message }) => noFolder.test(message) && /1 WARN \(io\), 1 INFO \(io\): /.test(message)),
  );
});

test.serial(
  'a program that runs waits for its folder, and a flush sees at once that it has come',
  async (t) => {
    const { tracing, path } = await setUp(t);
    log.info('early');
    await tracing.flush();
    await sleep(700);
    mkdirSync(dirname(path));
    const { complete, dropped } = await tracing.flush();
    t.deepEqual([complete, dropped], [true, 0]);
    t.deepEqual(
      readDiagnosticsSync(path).diagnostics.map(({ message }) => message),
      ['early'],
    );
  },
);

test.serial('nothing that was emitted is nothing to wait for', async (t) => {
  const { tracing } = await setUp(t);
  const { complete, took } = await timed(() => tracing.shutdown());
  t.true(complete);
  t.true(took < 190, `${took} ms`);
});

test.serial('a report gives it 200 ms where there is no Hyper-V', async (t) => {
  const { tracing } = await setUp(t);
  log.info('lost');
  const { written, error, took } = await timed(() => tracing.reportSuccess());
  t.false(written);
  t.regex(String(error), noFolder);
  t.true(took < 1000, `${took} ms`);
});

const REPORT = `
  import { mkdirSync } from 'node:fs';
  import { dirname } from 'node:path';
  import { initializeTracing, info } from 'kvp-tracing';
  const path = process.argv[1];
  const tracing = await initializeTracing({ kvp: { path, vmId: 'vm' }, stderr: false, onProblem: () => {} });
  info('before');
  if (process.argv[2] !== 'never') setTimeout(() => mkdirSync(dirname(path)), 900);
  const started = performance.now();
  const { written } = await tracing.reportFailure('no network');
  console.log(JSON.stringify({ written, took: performance.now() - started }));
  process.exit();`;

test.serial(
  'where there is one, a report waits for the daemon to make the folder, for two seconds',
  async (t) => {
    if (!has(t, namespacesMissing)) return;
    for (const how of ['later', 'never']) {
      const path = join(folderOf(t), 'hyperv', '.kvp_pool_1');
      const { stdout, stderr } = await ended(asHypervGuest(REPORT, path, how));
      const { written, took } = JSON.parse(stdout) as { written: boolean; took: number };
      t.is(written, how === 'later', stderr);
      t.true(took > 890 && took < 2500, `${took} ms`);
      if (how === 'never') continue;
      const { diagnostics, reports } = readDiagnosticsSync(path);
      t.deepEqual(
        diagnostics.map(({ message }) => message),
        ['before'],
      );
      t.is(reports.length, 1);
    }
  },
);

test.serial('a program without a folder ends promptly, however it ends', async (t) => {
  for (const [how, expected] of [
    ['', 0],
    ['await tracing.shutdown();', 0],
    ['process.exit(3);', 3],
    [
      `process.kill(process.pid, 'SIGTERM'); await new Promise((resolve) => setTimeout(resolve, 30_000));`,
      null,
    ],
  ] as const) {
    const source = `
      import { initializeTracing, info } from 'kvp-tracing';
      const kvp = { path: process.argv[2], vmId: 'vm' };
      const tracing = await initializeTracing({ kvp, stderr: false, signals: true });
      process.on('exit', () => { for (let i = 0; i < 30; i++) info('late'); });
      info('lost');
      process.stdout.write(String(Date.now()));
      ${how}`;
    const path = join(folderOf(t), 'hyperv', '.kvp_pool_1');
    const { code, stdout, stderr } = await ended(start({ source, folder: folderOf(t) }, [path]));
    const took = Date.now() - Number(stdout);
    t.is(code, expected, stderr);
    t.true(took < 1500, `${how} ${took} ms`);
    t.regex(stderr, /the pool misses \d records?: .*INFO \(io\): cannot open .*ENOENT/);
  }
});
