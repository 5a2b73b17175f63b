/**
 * Provisions a (pretended) Azure Linux VM from its ovf-env.xml: a user with SSH keys, a hostname, custom
 * data, all below a folder of its own. Instrumented once; shows what OpenTelemetry and the Azure host would see of it.
 *
 *   provision.ts [ovf-env.xml] [--into FOLDER] [--pool FILE]
 */
import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import {
  backend,
  initializeTracing,
  Level,
  readDiagnosticsSync,
  renderTree,
  target,
  timeline,
} from 'kvp-tracing';
import { spanTree } from './span-tree.ts';

const log = target('provision::user');

interface User {
  id: number;
  name: string;
  home: string;
  keys: string[];
}

interface Environment {
  user: User;
  hostname: string;
  customData: Buffer | undefined;
}

/** Reads what the platform wants of this VM. */
const readEnvironment = log.instrument(
  { name: 'read_ovf_env', fields: (path) => ({ path }), err: true },
  async (path: string, root: string): Promise<Environment> => {
    const xml = await readFile(path, 'utf8');
    const flaw = XMLValidator.validate(xml);
    if (flaw !== true) throw new Error(`${path}:${flaw.err.line}: ${flaw.err.msg}`);
    const parser = new XMLParser({
      removeNSPrefix: true,
      parseTagValue: false,
      isArray: (tag) => tag === 'PublicKey',
    });
    const set = parser.parse(xml)?.Environment?.ProvisioningSection?.LinuxProvisioningConfigurationSet;
    if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(set?.UserName ?? '')) throw new Error(`${path}: no valid UserName`);
    const keys: string[] = (set.SSH?.PublicKeys?.PublicKey ?? []).map(
      (key: { Value?: string }) => key.Value ?? '',
    );
    log.debug({ key_count: keys.length, has_custom_data: set.CustomData !== undefined }, 'Environment read');
    return {
      user: { id: 1000, name: set.UserName, home: join(root, 'home', set.UserName), keys },
      hostname: set.HostName ?? 'localhost',
      customData: set.CustomData === undefined ? undefined : Buffer.from(set.CustomData, 'base64'),
    };
  },
);

const provisionUser = log.instrument(
  { name: 'provision_user', fields: (user) => ({ user_id: user.id }) },
  async (user: User) => {
    log.info('Starting user provisioning');
    await mkdir(user.home, { recursive: true, mode: 0o750 });
    await configureSshKeys(user);
    log.info('User provisioning completed successfully');
  },
);

const configureSshKeys = log.instrument({ name: 'configure_ssh_keys' }, async (user: User) => {
  log.event(Level.INFO, { user: user.name, key_count: user.keys.length }, 'Configuring SSH keys');
  const accepted: string[] = [];
  for (const [index, key] of user.keys.entries()) {
    try {
      accepted.push(log.inSpan('check_ssh_key', { fields: { index } }, () => checkedKey(key)));
    } catch (error) {
      log.warn({ index, error }, 'SSH key is left out');
    }
  }
  const folder = join(user.home, '.ssh');
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o700);
  await writeFile(join(folder, 'authorized_keys'), accepted.map((key) => `${key}\n`).join(''), {
    mode: 0o600,
  });
  log.debug({ accepted: accepted.length }, 'authorized_keys written');
});

/** The key, if what it claims to be is what its data says. */
function checkedKey(line: string): string {
  const [type = '', data = ''] = line.trim().split(/\s+/);
  log.debug({ type }, 'Processing SSH key');
  const bytes = Buffer.from(data, 'base64');
  const length = bytes.length > 4 ? bytes.readUInt32BE(0) : 0;
  if (length === 0 || bytes.toString('latin1', 4, 4 + length) !== type)
    throw new Error(`no ${type} key in its data`);
  return line.trim();
}

const setHostname = log.instrument(
  { name: 'set_hostname', fields: (hostname) => ({ hostname }) },
  (hostname: string, path: string) => write(`${hostname}\n`, path),
);

async function write(text: string | Buffer, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { into: { type: 'string' }, pool: { type: 'string' } },
    allowPositionals: true,
  });
  const root = values.into ?? (await mkdtemp(join(tmpdir(), 'provision-')));
  const pool = values.pool ?? join(root, '.kvp_pool_1');
  const spans = new InMemorySpanExporter();
  const tracing = await initializeTracing({
    service: 'provision-demo',
    version: '0.1.0',
    kvp: { path: pool, filter: 'debug' },
    opentelemetry: process.env['OTEL_EXPORTER_OTLP_ENDPOINT']
      ? { filter: 'debug' }
      : { filter: 'debug', exporter: spans },
    stderr: { filter: 'info' },
  });
  try {
    await log.inSpan('provision', async () => {
      const path = positionals[0] ?? new URL('ovf-env.xml', import.meta.url).pathname;
      const { user, hostname, customData } = await readEnvironment(path, root);
      await provisionUser(user);
      await setHostname(hostname, join(root, 'etc/hostname'));
      if (customData !== undefined) {
        await log.inSpan('write_custom_data', { fields: { bytes: customData.length } }, () =>
          write(customData, join(root, 'var/lib/azure/custom-data')),
        );
      }
    });
    await tracing.reportSuccess();
  } catch (error) {
    await tracing.reportFailure(error as Error);
    console.error(`provisioning failed: ${(error as Error).message}`);
    process.exitCode = 1;
  }
  await tracing.flush();
  const collected = spanTree(spans.getFinishedSpans());
  await tracing.shutdown();

  const { diagnostics, reports, problems } = readDiagnosticsSync(pool);
  if (collected !== '') console.log(`\nWhat OpenTelemetry collected:\n\n${collected}`);
  console.log(
    `\nWhat the Azure host sees in ${pool} (${diagnostics.length} diagnostics, writer: ${backend()}):\n`,
  );
  console.log(renderTree(timeline(diagnostics)));
  for (const problem of problems) console.log(`${problem.reason}: ${problem.message}`);
  for (const { text } of reports) console.log(`\nIts provisioning report:\n\n${text.replaceAll('|', '\n')}`);
  console.log(`
Where to go next:

  node dist/cli/main.cjs show ${pool}
      the same on a time axis, with the answer above it; --html report.html makes a page of it
  npm run demo -- examples/ovf-env.xml --into ROOT --pool FILE
      with an ovf-env.xml of yours; a bad one makes a failure
  docs/guides/first-trace.md
      trace a program of your own, in five minutes
  docs/guides/agent.md
      write an agent like this one (examples/provision.ts)`);
}

await main();
