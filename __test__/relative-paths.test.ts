import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ended, onBuilt, ROOT } from './helpers/programs.ts';

const PROGRAM = `
  const { existsSync, mkdirSync, renameSync, writeFileSync } = await import('node:fs');
  const api = await import('kvp-tracing');
  const { JsonLayer } = await import('kvp-tracing/pino');
  const { KvpSpanProcessor } = await import('kvp-tracing/opentelemetry');
  process.chdir(folder);
  writeFileSync('artifact', 'content');
  const tracing = await api.initializeTracing({
    kvp: { path: 'pool', vmId: 'vm' },
    stderr: false,
    file: { path: 'agent.log', reopenOn: 'SIGUSR2' },
    layers: [new JsonLayer({ writer: 'lines/agent.json', filter: 'info' })],
  });
  const processor = new KvpSpanProcessor({ path: 'late/spans', vmId: 'vm', onProblem: () => {} });
  const store = api.openPool('store');
  const numbered = api.openPool({ dir: '.', pool: 2 });
  const diag = api.diagnostics('diag', { agent: 'a', vmId: 'vm' });
  const artifact = diag.artifact('artifact', 'artifact');
  const read = api.readDiagnostics('pool');
  process.chdir('elsewhere');
  api.info('after');
  renameSync('../agent.log', '../agent.log.1');
  process.kill(process.pid, 'SIGUSR2');
  while (!existsSync('../agent.log')) await new Promise((resolve) => setTimeout(resolve, 5));
  api.info('reopened');
  await artifact;
  await read;
  await store.set('a', 'b');
  await numbered.append('a', 'b');
  await diag.event('event', 'text');
  mkdirSync('../late');
  const { written, error } = await tracing.reportSuccess();
  await processor.shutdown();
  await tracing.shutdown();
  if (!written) throw error;
  console.log(store.path === folder + '/store');`;

test('a relative path is resolved once: a later chdir changes nothing', async (t) => {
  const folder = folderOf(t);
  mkdirSync(join(folder, 'elsewhere'));
  const source = `const folder = ${JSON.stringify(folder)}; ${PROGRAM}`;
  const program = spawn(process.execPath, onBuilt(source), { cwd: ROOT });
  t.like(await ended(program), { code: 0, stdout: 'true\n', stderr: '' });
  t.deepEqual(readdirSync(join(folder, 'elsewhere')), []);
  const expected = [
    '.kvp_pool_2',
    'agent.log',
    'agent.log.1',
    'artifact',
    'diag',
    'elsewhere',
    'late',
    'lines',
  ];
  t.deepEqual(readdirSync(folder).sort(), [...expected, 'pool', 'store']);
  t.regex(readFileSync(join(folder, 'agent.log'), 'utf8'), /reopened\n$/);
  t.is(readDiagnosticsSync(join(folder, 'pool')).reports.length, 1);
  t.is(readDiagnosticsSync(join(folder, 'diag')).diagnostics.length, 2);
});
