import { initializeTracing } from 'kvp-tracing';
import { pinoBridge } from 'kvp-tracing/pino';
import { multistream, pino } from 'pino';

const tracing = await initializeTracing({ kvp: { path: 'pool' }, stderr: false });
const logger = pino(
  { base: null },
  multistream([
    { level: 'trace', stream: process.stdout },
    { level: 'trace', stream: pinoBridge() },
  ]),
);
logger.info('to both');
await tracing.shutdown();
