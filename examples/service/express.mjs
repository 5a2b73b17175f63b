import express from 'express';
import { bridgeDiagnosticsChannels, initializeTracing, target } from 'kvp-tracing';

const tracing = await initializeTracing({ service: 'disks', kvp: { path: 'express-pool' }, stderr: false });
bridgeDiagnosticsChannels({ httpServer: true });

const app = express();
app.get('/controllers/:id/disks', (_request, response) => {
  target('disks').info({ count: 2 }, 'disks found');
  response.json(['sda', 'sdb']);
});
const server = app.listen(Number(process.env.PORT ?? 3000));

process.once('SIGTERM', async () => {
  server.close();
  await tracing.shutdown();
});
