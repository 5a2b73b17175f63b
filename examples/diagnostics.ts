/**
 * Tells the Azure host what a program without spans does: `diagnostics.ts FILE`. Prints:
 *
 *     15390 bytes of a log in 2 records
 *     start format_disk { device: '/dev/sdb' }
 *     event format_disk two partitions found
 *     finish format_disk success { blocks: 262144 }
 *     event mkfs.log the whole log
 */
import { diagnostics, readDiagnostics } from 'kvp-tracing';

const [path = '/var/lib/hyperv/.kvp_pool_1'] = process.argv.slice(2);
using diag = diagnostics(path, { agent: 'my-agent/1.0' });

const started = await diag.start('format_disk', { device: '/dev/sdb' });
await diag.event('format_disk', 'two partitions found');
await diag.finish(started, 'success', { blocks: 262144 });

const log = Array.from({ length: 500 }, (_, i) => `block group ${i} of 500 written\n`).join('');
const { records, bytes } = await diag.artifact('mkfs.log', Buffer.from(log));
console.log(`${bytes} bytes of a log in ${records} records`);

const { diagnostics: found } = await readDiagnostics(path);
for (const { kind, name, result, fields, message } of found) {
  const said = message === log ? ['the whole log'] : message === undefined ? [{ ...fields }] : [message];
  console.log(kind, name, ...(result === undefined ? [] : [result]), ...said);
}
