// Filters that change while the program runs: `kill -USR2 PID` shows DEBUG events on stderr, the next one hides them.
import { once } from 'node:events';
import { initializeTracing, target } from 'kvp-tracing';

const log = target('my_agent');
const tracing = await initializeTracing({ kvp: false, stderr: { filter: 'info' } });

let isVerbose = false;
process.on('SIGUSR2', async () => {
  isVerbose = !isVerbose;
  await tracing.reload({ stderr: isVerbose ? 'debug' : 'info' });
  log.info({ isVerbose }, 'filter changed');
  log.debug('details');
});

log.debug('nobody sees this');
log.info({ pid: process.pid }, 'waiting for SIGUSR2');
await once(process.stdin.resume(), 'end');
await tracing.shutdown();
