import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';
import { Rotel, rotelMissing } from './helpers/rotel.ts';
import { serve, treesIn, treesOf } from './helpers/services.ts';

for (const form of ['run.cjs', 'run.mjs']) {
  test(`requests by fetch, undici and node:http are one trace each through Express and Fastify (${form})`, async (t) => {
    if (!has(t, rotelMissing)) return;
    const rotel = await Rotel.start(t);
    const pool = join(folderOf(t), 'pool');
    const common = {
      KVP_TRACING_POOL: pool,
      BRIDGES: '{"http":true,"httpServer":true,"undici":true}',
      OTEL_EXPORTER_OTLP_ENDPOINT: rotel.endpoint,
      TRACEPARENT: '',
    };
    const { answers, stderr } = await serve((name, env) =>
      spawn(process.execPath, [`__test__/fixtures/sdk-matrix/${form}`, name], {
        cwd: ROOT,
        env: { ...process.env, ...common, SERVICE: name, ...env },
      }),
    );
    t.is(stderr, '');
    const single = '1 0, 1 0';
    t.deepEqual(answers, { fetch: single, undici: single, http: single });

    const served =
      'GET /users/:id (server of express) [handle (internal of express) [GET (client of express) ' +
      '[GET /rights/:id (server of fastify) [handle (internal of fastify)]]]]';
    const asked = `GET (client of caller) [${served}]`;
    const isTold = Number(process.versions.node.split('.')[0]) >= 22;
    const trees = [
      `fetch (internal of caller) [${asked}]`,
      // Node.js 20 lets nobody add headers to a request, so that the program took those of its own span.
      `http (internal of caller) [${isTold ? asked : `GET (client of caller), ${served}`}]`,
      `undici (internal of caller) [${asked}]`,
    ];
    const spans = await rotel.received(21);
    t.deepEqual(treesOf(spans), trees);
    for (const { traceId } of spans) t.is(spans.filter((other) => other.traceId === traceId).length, 7);
    t.deepEqual(treesIn(pool), trees);
  });
}
