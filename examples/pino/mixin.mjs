import { initializeTracing, target } from 'kvp-tracing';
import { pinoMixin } from 'kvp-tracing/pino';
import { pino } from 'pino';

const tracing = await initializeTracing({ kvp: { path: 'pool' }, stderr: false });
const logger = pino({ base: null, mixin: pinoMixin() });

target('my_app').inSpan('request', () => logger.info('hello'));
await tracing.shutdown();
