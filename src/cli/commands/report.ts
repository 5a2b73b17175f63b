import { type Command, Option } from 'commander';
import { formatReport, parseReport, REPORT_KEY } from '../../diagnostics/report/report.ts';
import { parseSupportingData } from '../../diagnostics/report/supporting-data.ts';
import { vmId } from '../../diagnostics/vm-id.ts';
import { messageOf } from '../../errors.ts';
import { addDryRun, change, type ChangeOptions } from '../change.ts';
import { examples } from '../examples.ts';
import { printNote } from '../output.ts';

/** Who reports if nobody is named: azure-init's tool, whose place this takes, so that what reads its reports finds them. */
const DEFAULT_AGENT = 'libazureinit-kvp/0.1.0';

interface ReportOptions extends ChangeOptions {
  vmId?: string;
  agent: string;
  supportingData: Record<string, string>[];
  reason?: string;
  documentationUrl?: string;
}

/** `kvp report-success` reports that provisioning succeeded. */
export function reportSuccess(command: Command): void {
  addReportOptions(command);
  examples(command, [
    ['kvp report-success', 'of this VM'],
    ['kvp report-success --agent my-agent/1.2 --supporting-data build=123,commit=abc', ''],
  ]).action(() => report(command, 'success'));
}

/** `kvp report-failure` reports that provisioning failed, and why. */
export function reportFailure(command: Command): void {
  command.requiredOption('--reason <REASON>', 'why it failed');
  command.option('--documentation-url <URL>', 'a page that says what to do');
  addReportOptions(command);
  examples(command, [
    ['kvp report-failure --reason "no DHCP lease"', ''],
    [`kvp report-failure --reason "no IMDS" --supporting-data "http_code=500,url='http://…/a,b'"`, ''],
  ]).action(() => report(command, 'error'));
}

function addReportOptions(command: Command): void {
  command
    .option('--vm-id <ID>', "the VM's id (default: this VM's)")
    .option('--agent <NAME/VERSION>', 'who reports', DEFAULT_AGENT)
    .addOption(
      new Option('--supporting-data <KEY=VALUE,...>', 'further details; a value in quotes may have commas')
        .argParser((text, before: Record<string, string>[]) => [...before, parseSupportingData(text)])
        .default([], 'none'),
    );
  addDryRun(command);
}

async function report(command: Command, result: 'success' | 'error'): Promise<void> {
  const options = command.optsWithGlobals<ReportOptions>();
  const { reason, documentationUrl, agent, supportingData } = options;
  const details: Record<string, string> = Object.create(null);
  for (const [name, value] of supportingData.flatMap(Object.entries<string>)) details[name] ??= value;
  const own = {
    result,
    reason,
    agent,
    vm_id: options.vmId ?? vmId({ onProblem: (error) => printNote(messageOf(error), options) }),
    timestamp: new Date(),
    ...(documentationUrl === undefined ? undefined : { documentation_url: documentationUrl }),
  };
  const text = formatReport({ pps_type: 'None', ...details, ...own });
  sayWhatIsMissing(options, parseReport(text), { ...details, reason, documentation_url: documentationUrl });
  // The report must reach the host, however many keys there are.
  await change(options, (store) => store.setSync(REPORT_KEY, text), { maxKeys: Number.MAX_SAFE_INTEGER });
}

/** Says which parts of a report had no room. */
function sayWhatIsMissing(
  options: ReportOptions,
  reported: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, string | undefined>>,
): void {
  const missing = Object.keys(given).filter((name) => given[name] !== undefined && !(name in reported));
  if (missing.length > 0)
    printNote(`the report lacks ${missing.join(', ')}: no room in 1,022 bytes`, options);
  if (given['reason'] !== undefined && reported['reason'] !== given['reason']) {
    printNote('the reason of the report is shortened: it has 1,022 bytes', options);
  }
}
