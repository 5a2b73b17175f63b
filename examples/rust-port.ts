/**
 * azure-init's three snippets in TypeScript: an instrumented function, a block in a span, and the set-up. `rust-port.ts [POOL]`
 * prints the lines on stderr, and the names of what is in the pool:
 *
 *     start provision_user
 *     event provision_user Starting user provisioning
 *     start configure_ssh_keys
 *     event configure_ssh_keys Configuring SSH keys
 *     finish configure_ssh_keys success
 *     event provision_user User provisioning completed successfully
 *     finish provision_user success
 */
import { initializeTracing, readDiagnostics, target } from 'kvp-tracing';

interface User {
  id: number;
  name: string;
  keys: string[];
}

const log = target('azure_init::provision');

// #[instrument(name = "provision_user", fields(user_id = user.id))]
const provisionUser = log.instrument(
  { name: 'provision_user', fields: (user) => ({ user_id: user.id }) },
  async (user: User) => {
    log.info('Starting user provisioning');
    await configureSshKeys(user);
    log.info('User provisioning completed successfully');
  },
);

// let span = info_span!("configure_ssh_keys", user = %user.name); async { … }.instrument(span).await
function configureSshKeys(user: User): Promise<void> {
  return log.inSpan('configure_ssh_keys', { fields: { user: user.name } }, async () => {
    log.info({ key_count: user.keys.length }, 'Configuring SSH keys');
  });
}

// setup_layers(): EmitKVPLayer, OpenTelemetry and stderr, with AZURE_INIT_KVP_FILTER and AZURE_INIT_LOG
const [path] = process.argv.slice(2);
const tracing = await initializeTracing({
  service: 'azure-init',
  version: '0.1.1',
  kvp: { path },
  stderr: { filter: 'info' },
});
await provisionUser({ id: 1000, name: 'azureuser', keys: ['ssh-ed25519 AAAA'] });
await tracing.shutdown();

const { diagnostics } = await readDiagnostics(path ?? { pool: 1 });
for (const { kind, name, message, result } of diagnostics) {
  console.log(kind, name, ...[message, result].filter((part) => part !== undefined));
}
