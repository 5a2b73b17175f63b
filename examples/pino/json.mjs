import { initializeTracing, target } from 'kvp-tracing';

const tracing = await initializeTracing({
  kvp: { path: 'pool' },
  stderr: { format: 'json', filter: 'info', spanEvents: ['close'] },
});
const log = target('my_app');
log.inSpan('request', { fields: { path: '/disks' } }, () => log.warn({ size: 3 }, 'nearly full'));
await tracing.shutdown();
