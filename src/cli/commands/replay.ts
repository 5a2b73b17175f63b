import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { examples, explain } from '../examples.ts';
import { addFilesArgument } from '../input.ts';
import type { ReplayCommandOptions } from '../replay/replay-pools.ts';

/** `kvp replay` sends the spans of pools to a collector. */
export function replay(command: Command): void {
  addFilesArgument(command)
    .addOption(
      new Option(
        '--endpoint <url>',
        'the collector, instead of OTEL_EXPORTER_OTLP_ENDPOINT; as http://localhost:4318',
      ).argParser(endpointOf),
    )
    .option('--state <file>', 'remember what was sent in this file, and do not send it again')
    .addOption(
      new Option('--attribute <name=value>', "one of all VMs' resources; may be repeated")
        .argParser(attributesWith)
        .default([], ''),
    )
    .option('--unfinished', 'also spans that have not ended, as failed ones: for VMs that are gone')
    .option('--events', 'also events outside of spans, as spans of no length')
    .option('--dry-run', 'print what would be sent')
    .action(async (files: string[]) => {
      const { replayPools } = await import('../replay/replay-pools.ts');
      return replayPools(files, command.optsWithGlobals<ReplayCommandOptions>(), command);
    });
  explain(
    command,
    `A file may be a folder of pools. The spans of each VM have a resource with service.name, service.version, host.id and
the attributes that are given. Headers, certificates, protocol, compression and timeout are those of
OTEL_EXPORTER_OTLP_*. With --state the same command goes on where it ended: interrupted, it sends nothing twice; killed,
at most one batch of 512 spans, with the same ids. With --json the document has pools, spans, events, skipped, refused
and failed; with --dry-run too it is a list of spans with path, traceId, spanId, parentSpanId, name, start, end, failed,
reason, attributes, events and resource.`,
  );
  examples(command, [
    ['kvp replay --endpoint http://localhost:4318', 'the pool of this VM'],
    ['kvp replay --endpoint URL --state sent pools/', 'a fleet; what is new when it is run again'],
    ['kvp replay --endpoint URL --attribute cloud.region=westeurope pool', 'with a region'],
    ['kvp replay --dry-run pool', 'what would be sent'],
  ]);
}

function endpointOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return text;
  throw new InvalidArgumentError('It must be a URL of http or https.');
}

function attributesWith(text: string, before: readonly string[][]): string[][] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be name=value.');
  return [...before, [text.slice(0, at), text.slice(at + 1)]];
}
