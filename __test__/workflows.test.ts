import { readdirSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { parse } from 'yaml';
import { ROOT } from './helpers/programs.ts';

const FOLDER = new URL('.github/workflows/', ROOT);

interface Workflow {
  jobs: Record<string, { steps: { run?: string }[] }>;
}

const workflows = readdirSync(FOLDER).map(
  (file) => parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Workflow,
);

test('what the workflows run is there', (t) => {
  const manifest = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { scripts: object };
  const commands = workflows.flatMap(({ jobs }) =>
    Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? [])),
  );
  const scripts = commands.flatMap((command) => command.match(/(?<=npm run )[\w:-]+/g) ?? []);
  t.true(scripts.length > 5);
  t.deepEqual(
    scripts.filter((name) => !Object.hasOwn(manifest.scripts, name)),
    [],
  );
});

test('each job of a workflow runs on this machine, or there is a reason why it does not', (t) => {
  const list = (...args: string[]) =>
    spawnSync(process.execPath, ['scripts/workflows.mjs', ...args], { cwd: ROOT, encoding: 'utf8' });
  const { status, stdout, stderr } = list('--list');
  t.deepEqual([status, stderr], [0, '']);
  const lines = stdout.trimEnd().split('\n');
  for (const line of lines) t.regex(line, /^[\w-]+.*: (?:runs here|left out: .+)$/);
  const ids = new Set(lines.map((line) => /^[\w-]+/.exec(line)?.[0]));
  t.deepEqual(ids, new Set(workflows.flatMap(({ jobs }) => Object.keys(jobs))));
  t.like(list('nosuch'), { status: 2, stdout: '' });
  // What publishes must not run by accident.
  t.true(lines.includes('publish: left out: it changes what is elsewhere'));
});
