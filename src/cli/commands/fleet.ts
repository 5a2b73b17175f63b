import { type Command, Option } from 'commander';
import { examples, explain } from '../examples.ts';
import { readFleet } from '../fleet-workers.ts';
import { csvHeader, csvLine } from '../fleet/csv.ts';
import { type FleetRow, OUTCOMES, unreadRow } from '../fleet/row.ts';
import { FLEET_ORDERS, type FleetFilter, type FleetOrder, isListed, sorted } from '../fleet/selection.ts';
import { fleetSummary, fleetText } from '../fleet/text.ts';
import { type GlobalOptions, refuseBesidePath } from '../global-options.ts';
import { escapedOnTerminal, hasColor, isTerminal, outputWidth, print, printNote } from '../output.ts';
import { poolFiles } from '../pool-files.ts';
import { Progress } from '../progress.ts';
import { printableJson } from '../../printable.ts';
import { variable } from '../../tracing/environment.ts';

interface FleetOptions extends GlobalOptions, FleetFilter {
  csv?: boolean;
  sort: FleetOrder;
}

/** Rows that are printed at once. */
const BATCH = 500;

/** `kvp fleet` lists how the VMs of many pools fared. */
export function fleet(command: Command): void {
  command
    .argument('<path...>', 'pools, and folders of pools: each file in them, and in the folders in them')
    .addOption(
      new Option('--sort <by>', 'where that is the same, by total').choices(FLEET_ORDERS).default('outcome'),
    )
    .option('--failed', 'only those that failed')
    .addOption(new Option('--outcome <outcome>', 'only those that fared so').choices(OUTCOMES))
    .option('--reason <text>', 'only those with this text in their reason, in any case')
    .option('--agent <agent>', 'only those that this agent wrote to, with or without its version')
    .option('--csv', 'CSV instead of text')
    .action(async (paths: string[]) => run(paths, command));
  explain(
    command,
    `The outcome is that of the last boot: ${OUTCOMES.join(', ')}.
With --json the document is a list of rows with path, outcome, reason, seconds, slowest (name, agent, own, total),
writers, defects, vmId, start, end, failed and unfinished (numbers of spans), and records; each row is a line. What is
not known is null. With --csv the columns are the same; what a spreadsheet would take for a formula has an apostrophe.
Of a folder with .kvp_pool_0 to 4 the pool of --pool is read; links, FIFOs and devices in folders are passed over.`,
  );
  examples(command, [
    ['kvp fleet pools/', 'all VMs, those that failed first, then the slowest'],
    ['kvp fleet --failed --reason dhcp pools/', 'those that failed for DHCP'],
    ['kvp fleet --sort total --csv pools/ > fleet.csv', 'for a spreadsheet'],
    ['kvp fleet --json pools/ > fleet.json', 'for a database: docs/guides/fleet.md has queries'],
  ]);
}

async function run(paths: readonly string[], command: Command): Promise<void> {
  const options = command.optsWithGlobals<FleetOptions>();
  if (options.json && options.csv) command.error('--json and --csv exclude each other');
  refuseBesidePath(command, 'dir');
  if (paths.includes('-')) command.error('fleet reads files, not the standard input; a file called - is ./-');
  const files = poolFiles(paths, options.pool);
  const rows: FleetRow[] = [];
  const take = (row: FleetRow): void => {
    if (isListed(row, options)) rows.push(row);
  };
  for (const { path, problem } of files) if (problem !== undefined) take(unreadRow(path, problem, 'no-pool'));
  const readable = files.filter(({ problem }) => problem === undefined).map(({ path }) => path);
  const progress = new Progress(readable.length, 'pools', options);
  let done = 0;
  await readFleet(readable, (row) => {
    take(row);
    progress.show(++done);
  });
  progress.clear();
  const listed = sorted(rows, options.sort);
  const summary = fleetSummary(listed, files.length);
  if (options.json) await printJsonRows(listed);
  else if (options.csv) await printCsv(listed);
  else {
    const width = isTerminal() || variable('COLUMNS') ? outputWidth() : Infinity;
    if (listed.length > 0) await print(`${fleetText(listed, width, hasColor(options))}\n`);
    return print(`${summary}\n`);
  }
  printNote(summary, options);
}

async function printJsonRows(rows: readonly FleetRow[]): Promise<void> {
  await printBatches(rows, (row, index) => {
    const json = printableJson(JSON.stringify(row));
    return `${index === 0 ? '[\n' : ',\n'}${json}`;
  });
  await print(rows.length === 0 ? '[]\n' : '\n]\n');
}

async function printCsv(rows: readonly FleetRow[]): Promise<void> {
  const escaped = await escapedOnTerminal();
  const shown = (line: string): string => `${escaped(line.slice(0, -2))}\r\n`;
  await print(csvHeader());
  await printBatches(rows, (row) => shown(csvLine(row)));
}

async function printBatches(
  rows: readonly FleetRow[],
  textOf: (row: FleetRow, index: number) => string,
): Promise<void> {
  for (let from = 0; from < rows.length; from += BATCH) {
    const batch = rows.slice(from, from + BATCH);
    await print(batch.map((row, index) => textOf(row, from + index)).join(''));
  }
}
