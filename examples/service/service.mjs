import Fastify from 'fastify';
import { bridgeDiagnosticsChannels, initializeTracing, target } from 'kvp-tracing';

const log = target('disks');
const tracing = await initializeTracing({
  service: 'disks',
  version: '1.0.0',
  kvp: { path: 'pool' },
  stderr: { filter: 'info', spanEvents: ['close'], traceIds: true },
});
// A span for each request that comes in, and for each that goes out by fetch().
bridgeDiagnosticsChannels({ httpServer: true, undici: true });

const listDisks = log.instrument(
  { name: 'list_disks', fields: (controller) => ({ controller }) },
  async (controller) => {
    const disks = controller === '0' ? ['sda', 'sdb'] : [];
    log.info({ count: disks.length }, 'disks found');
    return disks;
  },
);

const app = Fastify();
app.get('/controllers/:id/disks', (request) => listDisks(request.params.id));
await app.listen({ port: Number(process.env.PORT ?? 3000) });

process.once('SIGTERM', async () => {
  await app.close();
  await tracing.shutdown();
});
