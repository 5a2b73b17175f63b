import { resolve } from 'node:path';
import type { Command } from 'commander';
import { ExportError, messageOf, MissingPeerError } from '../../errors.ts';
import type { ReplayTarget } from '../../opentelemetry/replay/forward.ts';
import type { OtlpTarget } from '../../opentelemetry/replay/otlp-target.ts';
import type { Replayed } from '../../opentelemetry/replay/replay.ts';
import { variables } from '../../tracing/environment.ts';
import { counted } from '../counted.ts';
import { type GlobalOptions, refuseBesidePath } from '../global-options.ts';
import { type Input, inputsOf, readInput } from '../input.ts';
import { print, printError, printJson, printNote } from '../output.ts';
import { type FoundFile, poolFiles } from '../pool-files.ts';
import { Progress } from '../progress.ts';
import { Interruption } from './interruption.ts';
import { PrintedSpans } from './printed-spans.ts';
import { StateFile } from './state-file.ts';

export interface ReplayCommandOptions extends GlobalOptions {
  endpoint?: string;
  state?: string;
  attribute: string[][];
  unfinished?: boolean;
  events?: boolean;
  dryRun?: boolean;
}

/** What was sent of all pools. */
interface Totals {
  pools: number;
  spans: number;
  events: number;
  /** Spans that have not ended and events outside of spans, if these were not asked for. */
  skipped: number;
  /** Spans that the collector refused though it took others of their batch. */
  refused: number;
  /** Files that could not be read. */
  failed: number;
}

/** Says that a signal asked for the end. */
class InterruptedError extends Error {}

/** Sends the spans of one pool after the other. */
export async function replayPools(
  given: readonly string[],
  options: ReplayCommandOptions,
  command: Command,
): Promise<void> {
  // In folders of pools --pool chooses among them.
  if (given.length > 0) refuseBesidePath(command, 'dir');
  const env = options.dryRun ? {} : environmentOf(options.endpoint, command);
  const inputs = given.length === 0 ? await inputsOf([], command) : undefined;
  const files: readonly FoundFile[] =
    inputs?.map(({ path }) => ({ path, isNamed: true })) ?? poolFiles(given, options.pool);
  const { replay, otlpTarget } = await loaded();
  const state = options.state === undefined ? undefined : new StateFile(options.state, options.dryRun);
  const printed = options.dryRun ? new PrintedSpans(options) : undefined;
  const totals: Totals = { pools: 0, spans: 0, events: 0, skipped: 0, refused: 0, failed: 0 };
  const interruption = new Interruption(options);
  const progress = new Progress(files.length, 'pools', options);
  let target: OtlpTarget | undefined;
  let done = 0;

  /** Sends what is new of a pool. */
  const send = async (input: Input, to: ReplayTarget): Promise<Replayed> => {
    const pool = input.path === '-' ? '-' : resolve(input.path);
    return replay(input.records, to, {
      ...(state && { since: { forwarded: state.sentOf(pool) } }),
      unfinished: options.unfinished === true,
      events: options.events === true,
      resource: Object.fromEntries(options.attribute) as Record<string, string>,
      onBatch: ({ spans, events, forwarded }) => {
        if (!options.dryRun) state?.add(pool, forwarded);
        totals.spans += spans;
        totals.events += events;
        progress.show(done, `, ${counted(totals.spans, 'span')}`);
        if (interruption.isAsked) throw new InterruptedError();
      },
    });
  };

  try {
    if (!options.dryRun) target = await otlpTarget(env);
    for (const file of files) {
      if (interruption.isAsked) throw new InterruptedError();
      const input = inputs?.[0] ?? (await inputOf(file, totals, progress, options));
      if (input !== undefined) {
        const { skipped } = await send(input, printed?.of(input.path) ?? (target as OtlpTarget));
        await printed?.flush();
        totals.pools++;
        totals.skipped += skipped;
      }
      progress.show(++done, `, ${counted(totals.spans, 'span')}`);
    }
  } catch (thrown) {
    if (thrown instanceof ExportError && target?.problem !== undefined) {
      throw new ExportError(`${messageOf(thrown)}: ${target.problem}`, thrown);
    }
    if (!(thrown instanceof InterruptedError)) throw thrown;
  } finally {
    progress.clear();
    totals.refused = target?.refused ?? 0;
    target?.close();
    state?.close();
    interruption.release();
  }
  if (totals.refused > 0)
    printError(`the collector refused ${counted(totals.refused, 'span')}: ${target?.problem}`);
  await (printed?.end() ?? (options.json ? printJson(totals) : print(`${textOf(totals, options)}\n`)));
  if (totals.failed > 0 || totals.refused > 0) process.exitCode = 3;
  interruption.end();
}

/** Reads a file; one that is no pool is said, and counts if the user named it. */
async function inputOf(
  { path, problem, isNamed }: FoundFile,
  totals: Totals,
  progress: Progress,
  options: GlobalOptions,
): Promise<Input | undefined> {
  try {
    if (problem === undefined) return await readInput(path);
    throw new Error(`${path}: ${problem}`);
  } catch (thrown) {
    progress.clear();
    if (isNamed) {
      totals.failed++;
      printError(thrown);
    } else printNote(messageOf(thrown), options);
    return undefined;
  }
}

/** What replays, with the optional packages that it needs. */
async function loaded() {
  try {
    const { otlpTarget } = await import('../../opentelemetry/replay/otlp-target.ts');
    const { replay } = await import('../../opentelemetry/replay/replay.ts');
    return { otlpTarget, replay };
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    // The command line is CommonJS where it is built as one file.
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw thrown;
    const [, name = '@opentelemetry/api'] = /'(@[\w./-]+)'/.exec(messageOf(thrown)) ?? [];
    throw new MissingPeerError(name, thrown);
  }
}

const GENERAL = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const TRACES = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';

/** The environment in which the collector is the given one. */
function environmentOf(endpoint: string | undefined, command: Command): NodeJS.ProcessEnv {
  const env = variables();
  if (endpoint === undefined) {
    if (env[GENERAL] || env[TRACES]) return env;
    command.error(`give --endpoint, as http://localhost:4318, or set ${GENERAL}`);
  }
  delete env[TRACES];
  // Who gives the whole path means it.
  env[new URL(endpoint).pathname.endsWith('/v1/traces') ? TRACES : GENERAL] = endpoint;
  return env;
}

function textOf({ pools, spans, events, skipped }: Totals, { state }: ReplayCommandOptions): string {
  const fresh = state === undefined ? '' : ' that were not sent before';
  const left =
    skipped === 0
      ? ''
      : `; ${skipped} left out: spans that have not ended (--unfinished) and events outside of spans (--events)`;
  return `sent ${counted(spans, 'span')} with ${counted(events, 'event')}${fresh}, of ${counted(pools, 'pool')}${left}`;
}
