import { once } from 'node:events';
import { join } from 'node:path';
import test from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';
import { Rotel, rotelMissing } from './helpers/rotel.ts';

/** The ids of traces that stand in a pool. */
function tracesIn(path: string): Set<string | undefined> {
  const { diagnostics } = readDiagnosticsSync(path);
  return new Set(diagnostics.filter(({ kind }) => kind === 'finish').map(({ traceId }) => traceId));
}

test('a program, its child process and the server that both ask make one trace', async (t) => {
  if (!has(t, rotelMissing)) return;
  const rotel = await Rotel.start(t);
  const folder = folderOf(t);
  const pools = ['agent', 'child', 'server'].map((name) => join(folder, name));
  const [pool = '', childPool = '', serverPool = ''] = pools;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: rotel.endpoint, TRACEPARENT: '', TRACESTATE: '', BAGGAGE: '' };
  const server = start({ file: '__test__/fixtures/one-trace/server.ts' }, [serverPool], { env });
  t.teardown(() => server.kill('SIGKILL'));
  const [port] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const args = ['agent', `http://127.0.0.1:${String(port).trim()}/`, pool, childPool];
  const agent = await ended(start({ file: '__test__/fixtures/one-trace/agent.ts' }, args, { env }));
  t.deepEqual(agent, { code: 0, signal: null, stdout: '\n', stderr: '' });
  server.kill('SIGTERM');
  t.like(await ended(server), { code: 0, stderr: '' });

  const spans = await rotel.received(9);
  const from = (service: string, name: string) =>
    spans.filter((span) => span.name === name && span.resource['service.name'] === `Str(${service})`);
  const told = spans.map((span) => `${span.resource['service.name']} ${span.name} ${span.kind}`).sort();
  t.deepEqual(told, [
    'Str(agent) GET SPAN_KIND_CLIENT',
    'Str(agent) agent SPAN_KIND_INTERNAL',
    'Str(agent) node SPAN_KIND_CLIENT',
    'Str(child) GET SPAN_KIND_CLIENT',
    'Str(child) child SPAN_KIND_INTERNAL',
    'Str(server) GET SPAN_KIND_SERVER',
    'Str(server) GET SPAN_KIND_SERVER',
    'Str(server) handle SPAN_KIND_INTERNAL',
    'Str(server) handle SPAN_KIND_INTERNAL',
  ]);
  const traces = new Set<string | undefined>(spans.map(({ traceId }) => traceId));
  t.is(traces.size, 1);
  for (const path of pools) t.deepEqual(tracesIn(path), traces, path);

  const [root] = from('agent', 'agent');
  const [child] = from('child', 'child');
  t.is(root?.parentId, '');
  t.is(child?.parentId, root?.spanId);
  const requests = from('server', 'GET');
  t.deepEqual(new Set(requests.map(({ parentId }) => parentId)), new Set([root?.spanId, child?.spanId]));
  const handling = from('server', 'handle').map(({ parentId }) => parentId);
  t.deepEqual(new Set(handling), new Set(requests.map(({ spanId }) => spanId)));
});
