import { mkdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { initializeTracing, target } from 'kvp-tracing';

const log = target('contoso');

async function boot(image, vm, seconds, reason) {
  mkdirSync(`pools/${image}`, { recursive: true });
  const path = `pools/${image}/${vm}.kvp_pool`;
  const kvp = { path, vmId: crypto.randomUUID() };
  const tracing = await initializeTracing({ service: 'contoso', kvp, stderr: false });
  try {
    await log.inSpan('provision', async () => {
      await log.inSpan('dhcp', async () => {
        await setTimeout(1000 * seconds);
        if (reason !== undefined) throw new Error(reason);
      });
    });
    await tracing.reportSuccess();
  } catch (error) {
    await tracing.reportFailure(error);
  }
  await tracing.shutdown();
}

await boot('2026.08', 'vm00001', 0.1);
await boot('2026.08', 'vm00002', 0.5);
await boot('2026.09', 'vm00003', 0.9, 'no lease on eth0 by dhcp');
