import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { OptionError } from '../src/errors.ts';
import { readOtlpSettings } from '../src/opentelemetry/export/otlp-settings.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';

const CERTIFICATE = 'OTEL_EXPORTER_OTLP_CERTIFICATE';

test('certificates and keys are read from files and links to files', (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'pem'), 'certificate');
  writeFileSync(join(folder, 'largest'), 'x'.repeat(1024 * 1024));
  symlinkSync('pem', join(folder, 'link'));
  const { tls } = readOtlpSettings({
    [CERTIFICATE]: join(folder, 'link'),
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: join(folder, 'largest'),
    OTEL_EXPORTER_OTLP_CLIENT_KEY: '/proc/self/comm',
  });
  t.is(`${tls.ca}`, 'certificate');
  t.is(tls.cert?.length, 1024 * 1024);
  t.true((tls.key?.length ?? 0) > 0, 'its size is not known before');
});

test('whatever else the path of a certificate or key leads to is refused at once', (t) => {
  const folder = folderOf(t);
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  mkdirSync(join(folder, 'folder'));
  writeFileSync(join(folder, 'huge'), '');
  truncateSync(join(folder, 'huge'), 2 ** 40);
  for (const [path, why] of [
    [join(folder, 'fifo'), 'it is a FIFO'],
    [join(folder, 'folder'), 'it is a folder'],
    [join(folder, 'huge'), 'it has 1099511627776 bytes'],
    ['/dev/zero', 'it is a device'],
    ['/dev/tty', 'it is a device'],
  ] as const) {
    for (const name of ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY']) {
      const variable = `OTEL_EXPORTER_OTLP_TRACES_${name}`;
      const message = `${variable} must be the path of a regular file of at most 1048576 bytes (${why}), not "…"`;
      t.throws(() => readOtlpSettings({ [variable]: path }), { instanceOf: OptionError, message });
    }
  }
  t.throws(() => readOtlpSettings({ [CERTIFICATE]: join(folder, 'none') }), { code: 'ENOENT' });
});

test('a FIFO as a certificate costs the export, not the start', async (t) => {
  const folder = folderOf(t);
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const source = `import { initializeTracing } from 'kvp-tracing';
    const tracing = await initializeTracing({ kvp: false, stderr: false, opentelemetry: {} });
    await tracing.shutdown();`;
  const { code, stderr } = await ended(start({ source, folder }, [], { env: { [CERTIFICATE]: fifo } }));
  t.is(code, 0);
  t.regex(stderr, /the export of spans is left out: OTEL_EXPORTER_OTLP_CERTIFICATE must be .*it is a FIFO/);
});
