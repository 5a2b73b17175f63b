import { createServer } from 'node:http';
import { initializeTracing, target } from 'kvp-tracing';
import { extract } from 'kvp-tracing/opentelemetry';

const log = target('disks');
const tracing = await initializeTracing({
  service: 'disks',
  version: '1.0.0',
  kvp: { path: 'pool' },
  stderr: { filter: 'info', spanEvents: ['close'], traceIds: true },
});

const listDisks = log.instrument({ name: 'list_disks' }, async () => {
  log.info({ count: 2 }, 'disks found');
  return ['sda', 'sdb'];
});

const server = createServer(({ method, url, headers }, response) => {
  const fields = { 'otel.kind': 'server', 'http.request.method': method, 'url.path': url };
  log.inSpan('GET /disks', { fields, parent: extract(headers) }, async () => {
    response.end(`${JSON.stringify(await listDisks())}\n`);
  });
});
server.listen(process.env.PORT ?? 3000);

process.once('SIGTERM', async () => {
  server.close();
  await tracing.shutdown();
});
