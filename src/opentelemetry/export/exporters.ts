import { MissingPeerError, OptionError } from '../../errors.ts';
import { OtlpExporter } from './otlp-exporter.ts';
import { readOtlpSettings } from './otlp-settings.ts';
import type { ExportCounts } from './export-queue.ts';
import type { QueueOptions } from './queue-options.ts';
import { installCommand } from '../install-command.ts';
import { PEERS, type Peers, unlessMissing } from '../peers.ts';
import { settingOf } from '../setting.ts';

/** What `OTEL_TRACES_EXPORTER` may name. */
export type ExporterName = 'otlp' | 'console';

/** The exporters that `OTEL_TRACES_EXPORTER` names, by default `otlp`. Throws `OptionError` for an unknown name. */
export function exporterNames(env: NodeJS.ProcessEnv): ExporterName[] {
  const given = settingOf(env, 'OTEL_TRACES_EXPORTER') ?? 'otlp';
  const names = given.split(',').map((name) => name.trim());
  if (names.includes('none')) return [];
  for (const name of names) {
    if (name !== 'otlp' && name !== 'console') {
      throw new OptionError('OTEL_TRACES_EXPORTER', given, 'otlp, console or none');
    }
  }
  return [...new Set(names as ExporterName[])];
}

/**
 * The OTLP exporter that the environment describes. Rejects with `OptionError`, with `MissingPeerError`, or with the
 * system's error if a certificate can't be read.
 */
export async function otlpExporter(
  env: NodeJS.ProcessEnv,
  counts: ExportCounts,
  queue?: QueueOptions,
  peers: Peers = PEERS,
): Promise<OtlpExporter> {
  const settings = readOtlpSettings(env);
  const load = await peers.transformer().catch((error: unknown) => {
    unlessMissing(error);
    throw new MissingPeerError('@opentelemetry/otlp-transformer', error, installCommand('serializer'));
  });
  const http = () =>
    settings.url.protocol === 'https:'
      ? process.getBuiltinModule('node:https')
      : process.getBuiltinModule('node:http');
  return new OtlpExporter(settings, load, http, counts, queue);
}
