import { initializeTracing, target } from 'kvp-tracing';
import { pinoBridge } from 'kvp-tracing/pino';
import { pino } from 'pino';

const tracing = await initializeTracing({ kvp: { path: 'pool' }, stderr: { filter: 'info' } });
const logger = pino({ name: 'web', redact: ['password'] }, pinoBridge());

target('my_app').inSpan('request', { fields: { path: '/disks' } }, () => {
  logger.child({ module: 'disk' }).warn({ size: 3, password: 'hunter2' }, 'nearly full');
});
await tracing.shutdown();
