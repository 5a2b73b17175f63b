import { KvpError, messageOf } from '../../errors.ts';
import { summarize, type Summary } from '../../diagnostics/summary/summary.ts';
import { FileReader } from '../../pool/file-reader.ts';
import { readFileBytes } from '../../pool/read-pool.ts';
import { bootIn } from '../boots.ts';
import { inputIn } from '../input.ts';

/** How the VM of a pool fared; or that a file is no pool, or can't be read. */
export const OUTCOMES = ['failure', 'unfinished', 'unreadable', 'no-pool', 'unknown', 'success'] as const;

export type Outcome = (typeof OUTCOMES)[number];

/** What a fleet's list says of a VM: plain data, of a bounded size. */
export interface FleetRow {
  path: string;
  outcome: Outcome;
  /** Why; or why the file is no pool, or can't be read. */
  reason: string | null;
  /** From the first to the last moment of the last boot. */
  seconds: number | null;
  /** The span with most time of its own, in seconds. */
  slowest: { name: string; agent: string; own: number; total: number } | null;
  /** Agents, the one with most records first. */
  writers: string[];
  defects: number | null;
  vmId: string | null;
  start: string | null;
  end: string | null;
  /** Spans that failed, and spans without a finish. */
  failed: number | null;
  unfinished: number | null;
  records: number | null;
}

/** Characters of a reason, and of a name, that a row has; and names of writers. */
const REASON_MAX = 1024;
const NAME_MAX = 256;
const WRITERS_MAX = 16;

const reader = new FileReader();

/** Reads a pool. Never throws: a file that is none, or can't be read, is a row too. */
export function rowOf(path: string): FleetRow {
  try {
    const bytes = reader.read(path) ?? readFileBytes(path, { mustExist: true });
    const { content, defects } = inputIn(path, bytes);
    return rowOfSummary(path, summarize(bootIn(content), { defects }));
  } catch (thrown) {
    const isNone = thrown instanceof KvpError && thrown.code === 'ERR_KVP_NOT_A_POOL_FILE';
    const message = messageOf(thrown);
    // The row has the path.
    const reason = message.startsWith(`${path} `) ? message.slice(path.length + 1) : message;
    return unreadRow(path, reason, isNone ? 'no-pool' : 'unreadable');
  }
}

/** The row of a file that is no pool, or can't be read. */
export function unreadRow(path: string, reason: string, outcome: Outcome = 'unreadable'): FleetRow {
  return {
    path,
    outcome,
    reason: cut(reason, REASON_MAX),
    seconds: null,
    slowest: null,
    writers: [],
    defects: null,
    vmId: null,
    start: null,
    end: null,
    failed: null,
    unfinished: null,
    records: null,
  };
}

function rowOfSummary(path: string, summary: Summary): FleetRow {
  const { outcome, reason, seconds, slowest, start, end, failed, unfinished, records, report } = summary;
  const [step] = slowest;
  const agents = [...summary.writers.map(({ agent }) => agent), report?.agent ?? ''];
  const writers = [...new Set(agents.filter((agent) => agent !== ''))];
  return {
    path,
    outcome,
    reason: reason === undefined ? null : cut(reason, REASON_MAX),
    seconds: start === undefined ? null : seconds,
    slowest: step === undefined ? null : slowestOf(step),
    writers: writers.slice(0, WRITERS_MAX).map((agent) => cut(agent, NAME_MAX)),
    defects: summary.defects?.count ?? 0,
    vmId: summary.vmIds[0] ?? null,
    start: start?.toISOString() ?? null,
    end: end?.toISOString() ?? null,
    failed,
    unfinished,
    records: records.total,
  };
}

function slowestOf({ name, agent, own, total }: Summary['slowest'][number]): FleetRow['slowest'] {
  return { name: cut(name, NAME_MAX), agent: cut(agent, NAME_MAX), own, total };
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}
