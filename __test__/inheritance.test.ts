import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { folderOf } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';

/** Lists the descriptors of children of its own: before anything is open, and in several ways after that. */
const PROGRAM = `
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { EmitKVPLayer, Registry, setGlobalDefault, StderrLayer, target } from 'kvp-tracing';

const stdio = ['ignore', 'pipe', 'ignore'];
const list = async (options = {}, of = 'self') => {
  const child = spawn('ls', ['-l', '/proc/' + of + '/fd'], { stdio, ...options });
  return (await Promise.all([text(child.stdout), once(child, 'close')]))[0];
};
const before = await list();

const [pool, lines] = process.argv.slice(2);
const kvp = new EmitKVPLayer({ path: pool, vmId: 'vm' });
const toFile = new StderrLayer({ writer: lines, filter: 'info' });
const toStderr = new StderrLayer({ filter: 'error' });
setGlobalDefault(new Registry().with(kvp).with(toFile).with(toStderr));
const log = target('t');
log.error('all are open');
await kvp.flush({ timeout: 60_000 });

const after = {
  spawn: [await list()],
  detached: [await list({ detached: true })],
  execFileSync: [execFileSync('ls', ['-l', '/proc/self/fd'], { stdio, encoding: 'utf8' })],
  busy: [],
};
for (let round = 0; round < 20; round++) {
  log.info({ round }, 'x'.repeat(50_000));
  after.busy.push(await list());
}
console.log(JSON.stringify({ before, own: await list({}, process.pid), after }));
`;

interface Listed {
  before: string;
  own: string;
  after: Record<string, string[]>;
}

/** Where the descriptors in a listing lead, by number. */
function descriptors(listing: string): Map<string, string> {
  return new Map(Array.from(listing.matchAll(/(\d+) -> (.*)$/gm), ([, fd = '', to = '']) => [fd, to]));
}

test('children get no descriptor of a pool, of a file with lines or of stderr, however they are started', async (t) => {
  const folder = realpathSync(folderOf(t));
  const [pool, lines, fifo] = ['pool', 'lines', 'stderr'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  execFileSync('mkfifo', [fifo]);
  const stderr = openSync(fifo, constants.O_RDWR);
  t.teardown(() => closeSync(stderr));
  const child = start({ source: PROGRAM, folder }, [pool, lines], { stdio: ['ignore', 'pipe', stderr] });
  t.teardown(() => child.kill('SIGKILL'));
  const { code, stdout } = await ended(child);
  t.is(code, 0);

  const { before, own, after } = JSON.parse(stdout) as Listed;
  const opened = [...descriptors(own).values()];
  for (const file of [pool, lines]) t.true(opened.includes(file), `${file} is not open:\n${own}`);
  t.is(opened.filter((file) => file === fifo).length, 2, own);
  const inherited = [...descriptors(before).keys()];
  t.true(inherited.length >= 4, before);
  for (const [how, listings] of Object.entries(after)) {
    for (const listing of listings) {
      t.deepEqual([...descriptors(listing).keys()], inherited, `${how}:\n${listing}`);
      t.false(listing.includes(folder), `${how}:\n${listing}`);
    }
  }
});
