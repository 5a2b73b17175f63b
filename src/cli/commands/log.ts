import type { Command } from 'commander';
import { Option } from 'commander';
import type { PoolContent } from '../../diagnostics/read/read-diagnostics.ts';
import { examples, explain } from '../examples.ts';
import { type GlobalOptions, poolPath, refuseBesidePath } from '../global-options.ts';
import { addFilesArgument, inputsOf } from '../input.ts';
import { jsonLine } from '../log/log-json.ts';
import { countOf, levelOf, type LogFilter, optionsOf, passes, sinceOf } from '../log/log-filter.ts';
import { itemsOf, type LogItem, merged } from '../log/log-item.ts';
import { LogLines } from '../log/log-lines.ts';
import { hasColor, isTerminal, print, printNote } from '../output.ts';
import { problemText } from '../problem-text.ts';

interface LogOptions extends GlobalOptions, LogFilter {
  follow?: boolean;
  lines?: number;
}

/** Lines that are printed at once. */
const BATCH = 1000;

/** `kvp log` prints what pools say as lines, or as lines of JSON. */
export function log(command: Command): void {
  addFilesArgument(command)
    .option('-f, --follow', 'print what is new, until it is interrupted')
    .addOption(new Option('-n, --lines <number>', 'only the last ones').argParser(countOf))
    .addOption(
      new Option(
        '--since <when>',
        'only later ones: 2026-08-31T12:00Z, how long ago as 10m or 1h30m, or boot',
      ).argParser((text: string) => sinceOf(text)),
    )
    .addOption(
      new Option('--level <level>', 'only this one and more urgent ones; failures always').argParser(levelOf),
    )
    .addOption(
      new Option('--agent <agent>', 'only of this agent, with or without version; may be repeated')
        .argParser((name: string, names: string[]) => [...names, name])
        .default([], ''),
    )
    .option('--failed', 'only what says that something failed')
    .action(async (files: string[]) => run(files, command));
  explain(
    command,
    `A line is what StderrLayer writes in its format full: time, level, spans, target, message, fields; where no
target is recorded, the agent stands there. Lines are in the order of the pool, those of several pools by time.
With --json a line is an object: what readDiagnostics() of the package returns (format, kind, agent, vmId, name, id,
time, text, records, and where they are known bootTime, level, target, message, fields, span or parent, end,
duration, result, reason, sources, data and more), or a report with kind "report". Several files add file.
With -f a pool that is missing is waited for. It ends by a signal (SIGINT: 130 to a shell), or with 0 when
nobody reads its output any more.`,
  );
  examples(command, [
    ['kvp log', 'what happened on this VM'],
    ['kvp log -f --since boot', 'the same of this boot, and what comes'],
    ['kvp log -n 20 --level warn', 'the last 20 warnings and failures'],
    ['kvp log --agent cloud-init --failed', 'what failed in cloud-init'],
    ['kvp log --json pool | jq -c .name', 'for a program: a JSON object a line'],
  ]);
}

async function run(files: readonly string[], command: Command): Promise<void> {
  const options = command.optsWithGlobals<LogOptions>();
  const printer = new LogPrinter(options, files);
  const select = options.since === 'boot' ? await lastBootOf(files, command) : undefined;
  if (options.follow) {
    if (files.includes('-')) command.error('--follow needs a file, not the standard input');
    if (files.length > 0) refuseBesidePath(command, 'pool', 'dir');
    const { follow } = await import('../log/follow.ts');
    const { PoolFollower } = await import('../log/pool-follower.ts');
    const paths = files.length > 0 ? [...new Set(files)] : [poolPath(options)];
    const followers = paths.map((path) => new PoolFollower(path, select));
    return follow(followers, async (items) => void (await printer.print(items)), options);
  }
  const inputs = await inputsOf(files, command);
  const items = merged(inputs.map(({ path, content }) => itemsOf(select?.(content) ?? content, path)));
  const printed = await printer.print(items);
  if (
    printed === 0 &&
    isTerminal() &&
    options.lines !== 0 &&
    inputs.some(({ content }) => hasItems(content))
  ) {
    const paths = inputs.map(({ path }) => path).join(', ');
    printNote(`no line of ${paths} passes ${optionsOf(options).join(', ')}`, options);
  }
  for (const { path, content } of inputs) {
    if (!hasItems(content)) printNote(`no diagnostics in ${path}`, options);
    for (const problem of content.problems) printNote(problemText(problem, path), options);
  }
}

function hasItems({ diagnostics, reports }: PoolContent): boolean {
  return diagnostics.length + reports.length > 0;
}

/** What leaves of a pool's content that of the last boot. */
async function lastBootOf(
  files: readonly string[],
  command: Command,
): Promise<(content: PoolContent) => PoolContent> {
  const { bootIn, bootOptionsOf } = await import('../boots.ts');
  const options = bootOptionsOf(files, command);
  return (content) => bootIn(content, options).content;
}

/** Prints items that the user asked for; of the first ones at most as many as `--lines`. */
class LogPrinter {
  readonly #options: LogOptions;
  readonly #showsFile: boolean;
  readonly #lines = new Map<string, LogLines>();
  #isFirst = true;

  constructor(options: LogOptions, files: readonly string[]) {
    this.#options = options;
    this.#showsFile = files.length > 1;
  }

  /** Resolves with how many were asked for. */
  async print(items: readonly LogItem[]): Promise<number> {
    const chosen = this.#chosen(items);
    let batch: string[] = [];
    for (const item of items) {
      const lines = this.#linesOf(item.file);
      lines.observe(item);
      if (!chosen.has(item)) continue;
      batch.push(this.#options.json ? jsonLine(item, this.#showsFile) : lines.line(item));
      if (batch.length < BATCH) continue;
      await print(batch.join(''));
      batch = [];
    }
    await print(batch.join(''));
    return chosen.size;
  }

  #chosen(items: readonly LogItem[]): Set<LogItem> {
    let chosen = items.filter((item) => passes(item, this.#options));
    const { lines = Infinity } = this.#options;
    if (this.#isFirst && chosen.length > lines) chosen = lines === 0 ? [] : chosen.slice(-lines);
    this.#isFirst = false;
    return new Set(chosen);
  }

  #linesOf(file: string): LogLines {
    let lines = this.#lines.get(file);
    if (lines === undefined) {
      lines = new LogLines(hasColor(this.#options), this.#showsFile ? file : undefined);
      this.#lines.set(file, lines);
    }
    return lines;
  }
}
