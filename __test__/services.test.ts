import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { timeline } from '../src/diagnostics/timeline/timeline.ts';
import type { TimelineNode } from '../src/diagnostics/timeline/timeline-node.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ended, ROOT } from './helpers/programs.ts';
import { type ReceivedSpan, Rotel, rotelMissing } from './helpers/rotel.ts';

/** One of the programs of fixtures/sdk-matrix/services.cjs, on the built package. */
function service(name: string, env: NodeJS.ProcessEnv, form = 'run.cjs'): ChildProcess {
  return spawn(process.execPath, [`__test__/fixtures/sdk-matrix/${form}`, name], {
    cwd: ROOT,
    env: { ...process.env, SERVICE: name, ...env },
  });
}

/** Starts a server; the URL of it. */
async function started(t: ExecutionContext, server: ChildProcess): Promise<string> {
  t.teardown(() => server.kill('SIGKILL'));
  server.stderr?.on('data', (text) => t.log(String(text)));
  const [port] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return `http://127.0.0.1:${String(port).trim()}`;
}

/** Spans with those inside of them, a text each: `name (kind of service)` and, in brackets, its children. */
function treesOf(spans: readonly ReceivedSpan[]): string[] {
  const text = (span: ReceivedSpan): string => {
    const children = spans.filter(({ parentId }) => parentId === span.spanId).map(text);
    const kind = span.kind.replace('SPAN_KIND_', '').toLowerCase();
    const own = `${span.name} (${kind} of ${span.resource['service.name']?.slice(4, -1)})`;
    return children.length === 0 ? own : `${own} [${children.sort().join(', ')}]`;
  };
  return spans.filter(({ parentId }) => parentId === '').map(text);
}

/** The same of the spans of a pool. */
function treesIn(path: string): string[] {
  const text = ({ name, agent, fields, children }: TimelineNode): string => {
    const kind = String(fields['otel.kind'] ?? 'internal');
    const own = `${String(fields['otel.name'] ?? name)} (${kind} of ${agent.replace(/\/.*/, '')})`;
    return children.length === 0 ? own : `${own} [${children.map(text).sort().join(', ')}]`;
  };
  return timeline(readDiagnosticsSync(path).diagnostics).roots.map(text);
}

for (const form of ['run.cjs', 'run.mjs']) {
  test(`requests by fetch, undici and node:http are one trace each through Express and Fastify (${form})`, async (t) => {
    if (!has(t, rotelMissing)) return;
    const rotel = await Rotel.start(t);
    const env = {
      KVP_TRACING_POOL: join(folderOf(t), 'pool'),
      BRIDGES: '{"http":true,"httpServer":true,"undici":true}',
      OTEL_EXPORTER_OTLP_ENDPOINT: rotel.endpoint,
      TRACEPARENT: '',
    };
    const fastify = service('fastify', env, form);
    const last = await started(t, fastify);
    const express = service('express', { ...env, NEXT: `${last}/rights/7?sig=1` }, form);
    const first = await started(t, express);
    const { stdout, ...end } = await ended(service('caller', { ...env, NEXT: `${first}/users/alice` }, form));
    t.deepEqual(end, { code: 0, signal: null, stderr: '' });
    const once = '1 0, 1 0';
    t.deepEqual(JSON.parse(stdout), { fetch: once, undici: once, http: once });
    for (const server of [express, fastify]) {
      server.kill('SIGTERM');
      t.like(await ended(server), { code: 0 });
    }

    const served = `GET /users/:id (server of express) [handle (internal of express) [GET (client of express) [GET /rights/:id (server of fastify) [handle (internal of fastify)]]]]`;
    const asked = `GET (client of caller) [${served}]`;
    const isTold = Number(process.versions.node.split('.')[0]) >= 22;
    const trees = [
      `fetch (internal of caller) [${asked}]`,
      // Node.js 20 lets nobody add headers to a request, so that the program took those of its own span.
      `http (internal of caller) [${isTold ? asked : `GET (client of caller), ${served}`}]`,
      `undici (internal of caller) [${asked}]`,
    ];
    const spans = await rotel.received(21);
    t.deepEqual(treesOf(spans).sort(), trees);
    for (const { traceId } of spans) t.is(spans.filter((other) => other.traceId === traceId).length, 7);
    t.deepEqual(treesIn(env.KVP_TRACING_POOL).sort(), trees);
  });
}
