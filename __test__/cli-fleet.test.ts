import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { FleetRow } from '../src/cli/fleet/row.ts';
import { widthOf } from '../src/cli/text-width.ts';
import { bytesOf, keyOf, payload } from './helpers/diag-records.ts';
import { FLEET_SIZE, makeFleet, REASONS } from './helpers/fleet.ts';
import { environment, kvp, kvpOnTerminal, scriptMissing } from './helpers/kvp.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';

test.before((t) => t.timeout(1_800_000));

function rowsOf(...args: string[]): FleetRow[] {
  return JSON.parse(kvp(['fleet', '-q', '--json', ...args]).stdout) as FleetRow[];
}

type Told = Pick<FleetRow, 'path' | 'reason' | 'defects'> & { outcome: string };

/** A row as far as the fleet's maker says what it must be. */
const told = ({ path, outcome, reason, defects }: Told) => ({
  path,
  outcome,
  reason: outcome === 'no-pool' ? null : reason,
  defects,
});

const byPath = (one: { path: string }, other: { path: string }): number => (one.path < other.path ? -1 : 1);

test('each pool of a fleet is a row, whatever became of its VM, with who wrote and what is damaged', (t) => {
  const folder = folderOf(t);
  const pools = makeFleet(folder, FLEET_SIZE);
  const { status, stdout, stderr } = kvp(['fleet', '--json', folder]);
  t.is(status, 0);
  const rows = JSON.parse(stdout) as FleetRow[];
  t.deepEqual(rows.map(told).sort(byPath), pools.map(told).sort(byPath));
  const failed = pools.filter(({ outcome }) => outcome === 'failure').length;
  t.true(stderr.startsWith(`${pools.length} pools: `));
  t.true(stderr.includes(`${failed} failure; failed by reason: `));
  for (const reason of REASONS) t.true(stderr.includes(` × ${reason}`), reason);
  // Those that failed first, and of those the slowest.
  t.deepEqual(
    rows.slice(0, failed).map(({ outcome }) => outcome),
    Array.from({ length: failed }, () => 'failure'),
  );
  const first = rows.find(({ path }) => path === pools[0]?.path);
  t.deepEqual(first?.slowest, { name: 'provision', agent: 'contoso/2.0', own: 8, total: 10 });
  t.deepEqual(first?.writers, ['cloud-init', 'contoso/2.0', 'azure-init-0.1.1']);
  t.is(first?.vmId, '00000000-1111-4000-8000-000000000000');
});

test('the memory that a fleet takes does not grow with its pools, but for a row of each', (t) => {
  const folder = folderOf(t);
  const few = Math.max(40, FLEET_SIZE / 10);
  makeFleet(join(folder, 'few'), few);
  makeFleet(join(folder, 'many'), few * 10);
  const peak = (name: string): number => {
    const program =
      "process.on('exit', () => process.stderr.write(`peak=${process.resourceUsage().maxRSS};`))";
    const { stderr } = spawnSync(
      process.execPath,
      [
        '--import',
        `data:text/javascript,${encodeURIComponent(program)}`,
        PROGRAM,
        'fleet',
        '--json',
        join(folder, name),
      ],
      { encoding: 'utf8', maxBuffer: 2 ** 28 },
    );
    return Math.max(...Array.from(stderr.matchAll(/peak=(\d+);/g), ([, kib]) => Number(kib)));
  };
  const [small, large] = [peak('few'), peak('many')];
  t.log(`${few} pools: ${small} KiB; ${few * 10}: ${large} KiB`);
  // 4 KiB for a row, and what the collector of garbage leaves lying for a while.
  t.true(large - small < few * 10 * 4 + 96 * 1024, `${small} KiB, then ${large} KiB`);
});

const PROGRAM = fileURLToPath(new URL('dist/cli/main.cjs', ROOT));

test('rows are filtered by outcome, reason and agent, and sorted as asked for', (t) => {
  const folder = folderOf(t);
  const pools = makeFleet(folder, 40);
  const outcomes = (...args: string[]) => [...new Set(rowsOf(...args, folder).map(({ outcome }) => outcome))];
  t.deepEqual(outcomes(), ['failure', 'unfinished', 'no-pool', 'success']);
  t.deepEqual(outcomes('--failed'), ['failure']);
  t.deepEqual(outcomes('--outcome', 'no-pool'), ['no-pool']);
  const ofReason = rowsOf('--reason', 'LEASE', folder);
  t.deepEqual(
    ofReason.map(({ path }) => path).sort(),
    pools.flatMap(({ path, reason }) => (reason === REASONS[0] ? path : [])).sort(),
  );
  t.is(rowsOf('--agent', 'Contoso', folder).length, 38);
  t.is(rowsOf('--agent', 'contoso/2.0', folder).length, 38);
  t.is(rowsOf('--agent', 'conto', folder).length, 0);
  const { stderr } = kvp(['fleet', '--json', '--reason', 'lease', folder]);
  t.is(stderr, `4 of 40 pools: 4 failure; failed by reason: 4 × ${REASONS[0]}\n`);

  const sorted = (by: string) => rowsOf('--sort', by, folder);
  const paths = sorted('path').map(({ path }) => path);
  t.deepEqual(paths, paths.toSorted());
  const totals = sorted('total').map(({ seconds }) => seconds ?? -1);
  t.deepEqual(
    totals,
    totals.toSorted((one, other) => other - one),
  );
  const steps = sorted('step').map(({ slowest }) => slowest?.own ?? -1);
  t.deepEqual(
    steps,
    steps.toSorted((one, other) => other - one),
  );
  t.is(sorted('defects')[0]?.defects, 1);
  t.is(kvp(['fleet', '--sort', 'colour', folder]).status, 2);
  t.is(kvp(['fleet', '--json', '--csv', folder]).status, 2);
});

test('CSV is that of RFC 4180, and no text in it is a formula', (t) => {
  const folder = folderOf(t);
  const evil = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '＝1', 'a "quote", and\na line'];
  evil.forEach((reason, index) => {
    const finish = { kind: 'finish', name: 'work', result: 'fail', duration: '1' };
    writeFileSync(
      join(folder, `vm${index}`),
      bytesOf([keyOf(finish), JSON.stringify({ fields: {}, reason })]),
    );
  });
  const { stdout, stderr } = kvp(['fleet', '--csv', '--sort', 'path', folder]);
  const lines = stdout.split('\r\n');
  t.is(
    lines[0],
    'path,outcome,reason,seconds,slowest_step,slowest_agent,slowest_seconds,writers,defects,vm_id,start,end,failed,unfinished,records',
  );
  t.is(lines.length, evil.length + 2);
  t.is(lines.at(-1), '');
  const reasons = lines.slice(1, -1).map((line) => /,failure,("(?:[^"]|"")*"|[^,]*),/.exec(line)?.[1]);
  t.deepEqual(reasons, [...evil.slice(0, -1).map((text) => `'${text}`), '"a ""quote"", and\na line"']);
  t.true(stderr.startsWith('8 pools: 8 failure'));
});

test('links, FIFOs and other pools of a VM are passed over; a file that is no pool is a row', (t) => {
  const folder = folderOf(t);
  const pool = bytesOf([keyOf(), payload('hi')]);
  mkdirSync(join(folder, 'vm/deeper'), { recursive: true });
  for (const number of [0, 1, 3]) writeFileSync(join(folder, `vm/.kvp_pool_${number}`), pool);
  writeFileSync(join(folder, 'vm/deeper/pool'), pool);
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'README'), 'no pool');
  symlinkSync('/etc/passwd', join(folder, 'link'));
  symlinkSync(folder, join(folder, 'vm/loop'));
  t.is(spawnSync('mkfifo', [join(folder, 'fifo')]).status, 0);
  const said = (...args: string[]) =>
    rowsOf('--sort', 'path', ...args).map(({ path, outcome }) => `${path.slice(folder.length)} ${outcome}`);
  t.deepEqual(said(folder), [
    '/README no-pool',
    '/empty unknown',
    '/vm/.kvp_pool_1 unknown',
    '/vm/deeper/pool unknown',
  ]);
  t.deepEqual(said('--pool', '3', join(folder, 'vm')), [
    '/vm/.kvp_pool_3 unknown',
    '/vm/deeper/pool unknown',
  ]);
  // A file that is named twice is one VM, and a FIFO that is named is no pool.
  const fifo = join(folder, 'fifo');
  t.deepEqual(said(join(folder, 'empty'), folder, fifo).length, 5);
  t.is(rowsOf(fifo)[0]?.reason, 'it is no regular file');
  const { status, stderr } = kvp(['fleet', join(folder, 'gone')]);
  t.is(status, 3);
  t.is(stderr, `cannot open ${join(folder, 'gone')}: no such file or directory (ENOENT)\n`);
  t.is(kvp(['fleet']).status, 2);
});

test('a pool of any content costs only its own row', (t) => {
  const folder = folderOf(t);
  makeFleet(folder, 60);
  writeFileSync(join(folder, 'huge'), '');
  truncateSync(join(folder, 'huge'), 2 ** 30);
  const rows = rowsOf(folder);
  t.is(rows.length, 61);
  t.regex(rows.find(({ outcome }) => outcome === 'unreadable')?.reason ?? '', /bytes/);
});

test('the table fits the terminal, without control characters of a pool, and a bar says how far it is', (t) => {
  if (!has(t, scriptMissing)) return;
  const folder = folderOf(t);
  const reason = 'red \u001b[31m text';
  const finish = { kind: 'finish', name: 'work', result: 'fail', duration: '1' };
  const bytes = bytesOf([keyOf(finish), JSON.stringify({ fields: {}, reason })]);
  for (let vm = 0; vm < 40; vm++) writeFileSync(join(folder, `vm${vm}`), bytes);
  for (const columns of [40, 80, 200]) {
    const shown = kvpOnTerminal(columns, ['fleet', '--no-color', folder]);
    const [bar = '', table = ''] = [
      shown.slice(0, shown.lastIndexOf('\r')),
      shown.slice(shown.lastIndexOf('\u001b[K') + 3),
    ];
    t.regex(bar, /\[[#.]{2,24}/);
    // oxlint-disable-next-line no-control-regex
    t.notRegex(table, /[\u0000-\u0009\u000b-\u001f]/);
    const [body = ''] = table.split('\n\n');
    for (const line of body.split('\n')) t.true(line.length <= columns, line);
  }
  // As many as a serial console says that it has.
  t.regex(kvpOnTerminal(0, ['fleet', '--no-color', folder]), /\[[#.]{24}\] \d+ of 40 pools/);
  t.true(kvpOnTerminal(120, ['fleet', folder]).includes('\u001b[1;31mfailure\u001b[0m'));
  t.false(kvpOnTerminal(120, ['fleet', '-q', folder]).includes('pools ['));
});

test('on a terminal each VM has one line: what it has no room for is cut, of paths and steps the beginning', (t) => {
  const folder = folderOf(t);
  const finish = { kind: 'finish', name: 'azure-ds/get_metadata_from_imds', result: 'fail', duration: '3.1' };
  const bytes = bytesOf([keyOf(finish), JSON.stringify({ fields: {}, reason: 'no answer '.repeat(30) })]);
  for (let vm = 0; vm < 12; vm++) writeFileSync(join(folder, `vm-${vm}-日本語`), bytes);
  for (const [columns, titles] of [
    ['40', /^OUTCOME +TOTAL +POOL +REASON$/],
    ['80', /^OUTCOME +TOTAL +SLOWEST STEP +POOL +REASON$/],
    ['120', /^OUTCOME +TOTAL +SLOWEST STEP +DEFECTS +POOL +REASON$/],
    ['200', /^OUTCOME +TOTAL +SLOWEST STEP +WRITERS +DEFECTS +POOL +REASON$/],
  ] as const) {
    const { stdout } = spawnSync(process.execPath, [PROGRAM, 'fleet', folder], {
      encoding: 'utf8',
      env: { ...environment(), COLUMNS: columns, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' },
    });
    const [table = ''] = stdout.split('\n\n');
    const [head = '', ...rows] = table.split('\n');
    t.regex(head, titles);
    t.is(rows.length, 12, columns);
    for (const row of rows) {
      t.true(widthOf(row) <= Number(columns), row);
      t.regex(row, /^failure +3\.10 s .*…?[-\d]*日本語 +no .*…$/);
      if (columns !== '40') t.regex(row, /…[a-z_/-]+_imds 3\.10 s| azure-ds\/get_metadata_from_imds 3\.10 s/);
    }
  }
});

test('in a pipe the table is for scripts, whole', (t) => {
  const folder = folderOf(t);
  makeFleet(folder, 40);
  const { stdout } = kvp(['fleet', folder]);
  const text = stdout.replaceAll(folder, '/pools').replaceAll(/ +/g, ' ');
  const kept = new URL('__test__/fixtures/cli/fleet.txt', ROOT);
  if (process.env['KVP_TEST_KEEP'] === '1') writeFileSync(kept, text);
  t.is(text, readFileSync(kept, 'utf8'));
});
