import { readExport, renderTree, summarize, timeline } from '../../../src/index.ts';
import { renderReport } from '../../../src/report-page/index.ts';
import { command, type Row } from './row.ts';

export const READING: readonly Row[] = [
  { of: () => summarize({} as never, { bootTime: 'today' as never }), cure: 'Give a `Date`.' },
  { of: () => timeline(5 as never), cure: 'Give `diagnostics` of `readDiagnostics`.' },
  { of: () => renderTree({} as never), cure: 'Give what `timeline()` returned.' },
  { of: () => readExport('items.xml' as never), cure: 'Give the bytes of the file: `readFileSync(path)`.' },
  { of: () => renderReport({} as never), cure: 'Read the pool first.' },
  {
    of: {
      text: 'the id of this VM can not be read, zeros stand for it: …. On a VM run as root, or set vmId; anywhere else nothing is wrong',
      in: 'vm-id.test.ts',
      has: 'is zeros, and that is said',
    },
    cure: 'On a laptop this line is expected.',
  },
];

export const COMMANDS: readonly Row[] = [
  {
    of: { text: 'cannot write the output: …', in: 'cli.test.ts', has: 'cannot write the output: ENOSPC' },
    cure: "The text behind it is the system's.",
  },
  {
    of: { text: 'cannot read …: …', in: 'cli-refusals.test.ts', has: 'cannot read' },
    cure: "The text behind it is the system's.",
  },
  {
    of: { text: "… can't be read: …", in: 'cli-inputs.test.ts', has: "can't be read: the XML" },
    cure: 'The text behind it says what of the export is damaged.',
  },
  { of: command('shwo'), cure: '`kvp --help` lists the commands.' },
  { of: command('--pool', '7', 'show'), cure: 'Give one of these.' },
  { of: command('--dir', '', 'show'), cure: 'Leave it out for `/var/lib/hyperv`.' },
  { of: command('log', '--since', 'yesterday'), cure: 'Give one of these forms.' },
  { of: command('log', '--level', 'loud'), cure: 'Give one of these levels.' },
  { of: command('log', '-n', 'all'), cure: 'Give a number.' },
  { of: command('log', '-f', 'FOLDER'), cure: 'Name the pool in it.' },
  { of: command('replay', '--endpoint', 'collector'), cure: 'Write `http://collector:4318`.' },
  { of: command('replay', '--dry-run', '--attribute', 'region'), cure: 'Write `cloud.region=westeurope`.' },
  {
    of: command('show', 'FOLDER/there'),
    cure: "Give a pool, what `kvp dump --json` prints, or a host's export.",
  },
  { of: command('show', 'FOLDER/vm'), cure: 'Take the command of the text.' },
  { of: command('show', 'FOLDER/missing'), cure: 'Give another path.' },
  { of: command('--dir', 'FOLDER', 'load', '--file', 'FOLDER/there'), cure: 'Each line is `key=value`.' },
  {
    of: {
      text: `… is there already; nothing was written. Give another path, or --force to replace it`,
      in: 'cli-html.test.ts',
      has: `is there already; nothing was written`,
    },
    cure: '`--force` replaces it.',
  },
  {
    of: {
      text: `… is a folder; nothing was written. Give another path`,
      in: 'cli-html.test.ts',
      has: `is a folder; nothing was written`,
    },
    cure: 'Name a file.',
  },
  {
    of: {
      text: `… is no state of a replay: give a file that a replay made`,
      in: 'cli-replay.test.ts',
      has: `is no state of a replay`,
    },
    cure: 'Name another file for `--state`.',
  },
  {
    of: { text: `… is not valid UTF-8`, in: 'pool-export.test.ts', has: `is not valid UTF-8` },
    cure: 'Save it as UTF-8; PowerShell: `-Encoding utf8`.',
  },
  {
    of: { text: `no answer within … s`, in: 'cli-doctor-surroundings.test.ts', has: `no answer within` },
    cure: 'Is the endpoint right, and the network up?',
  },
];
