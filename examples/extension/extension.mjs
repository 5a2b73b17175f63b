import { writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { initializeTracing, target } from 'kvp-tracing';

const { POOL, STATUS = 'status/0.status' } = process.env;
const [operation = 'enable'] = process.argv.slice(2);
const log = target('contoso_extension');

const tracing = await initializeTracing({
  service: 'contoso-extension',
  version: '2.1.0',
  kvp: { path: POOL, filter: 'info' },
  stderr: { filter: 'info', spanEvents: ['close'] },
  file: { path: 'logs/extension.log', filter: 'debug' },
  signals: true, // the guest agent ends what takes too long
});

const installAgent = log.instrument({ name: 'install_agent', err: true }, async (version) => {
  log.debug({ version }, 'unpacking');
  await setTimeout(50);
  if (version === 'broken') throw new Error('checksum does not match');
});

async function status(result, message) {
  const timestampUTC = new Date().toISOString();
  const formattedMessage = { lang: 'en-US', message };
  const code = result === 'success' ? 0 : 1;
  const status = { operation, status: result, code, formattedMessage };
  await writeFile(STATUS, JSON.stringify([{ version: 1, timestampUTC, status }]));
}

try {
  await log.inSpan(operation, () => installAgent(process.env.VERSION ?? '2.1.0'));
  await status('success', 'installed');
} catch (error) {
  await status('error', error.message);
  process.exitCode = 1;
}
await tracing.shutdown();
