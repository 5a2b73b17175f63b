import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { initializeTracing, ProvisioningError, target } from 'kvp-tracing';

const { IMDS = 'http://169.254.169.254', HOMES = '/home', POOL } = process.env;
const log = target('contoso_agent');

const tracing = await initializeTracing({
  service: 'contoso-agent',
  version: '1.0.0',
  kvp: { path: POOL }, // undefined: the pool of this VM
  stderr: { filter: 'info', spanEvents: ['close'] },
  signals: true, // SIGTERM flushes first
});

const getMetadata = log.instrument({ name: 'get_metadata' }, async () => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await log.inSpan('imds_request', { fields: { attempt } }, async () => {
        const url = `${IMDS}/metadata/instance?api-version=2021-02-01`;
        const options = { headers: { Metadata: 'true' }, signal: AbortSignal.timeout(2000) };
        const response = await fetch(url, options);
        if (!response.ok) throw new Error(`IMDS answered ${response.status}`);
        return await response.json();
      });
    } catch (cause) {
      if (attempt === 3) {
        throw new ProvisioningError('no metadata from IMDS', {
          cause,
          supportingData: { attempts: attempt },
          documentationUrl: 'https://aka.ms/linuxprovisioningerror',
        });
      }
      await setTimeout(100 * 2 ** attempt);
    }
  }
});

const createUser = log.instrument(
  { name: 'create_user', fields: (user) => ({ user: user.name }) },
  async ({ name, keys }) => {
    await mkdir(`${HOMES}/${name}/.ssh`, { recursive: true, mode: 0o700 });
    await writeFile(`${HOMES}/${name}/.ssh/authorized_keys`, keys.join('\n'), { mode: 0o600 });
    log.info({ key_count: keys.length }, 'SSH keys written');
  },
);

try {
  await log.inSpan('provision', async () => {
    const { compute } = await getMetadata();
    const keys = compute.publicKeys.map(({ keyData }) => keyData);
    await createUser({ name: compute.osProfile.adminUsername, keys });
  });
  await tracing.reportSuccess();
} catch (error) {
  await tracing.reportFailure(error);
  process.exitCode = 1;
}
await tracing.shutdown();
