import { isAgentNamed } from '../agent-name.ts';
import { type FleetRow, type Outcome, OUTCOMES } from './row.ts';

/** Which rows are listed. */
export interface FleetFilter {
  failed?: boolean;
  outcome?: Outcome;
  reason?: string;
  agent?: string;
}

export function isListed(row: FleetRow, { failed, outcome, reason, agent }: FleetFilter): boolean {
  if (failed && row.outcome !== 'failure') return false;
  if (outcome !== undefined && row.outcome !== outcome) return false;
  if (reason !== undefined && !row.reason?.toLowerCase().includes(reason.toLowerCase())) return false;
  return agent === undefined || row.writers.some((name) => isAgentNamed(name, agent));
}

type Order = (one: FleetRow, other: FleetRow) => number;

const most =
  (number: (row: FleetRow) => number | null | undefined): Order =>
  (one, other) =>
    (number(other) ?? -1) - (number(one) ?? -1);
const byText =
  (text: (row: FleetRow) => string | null): Order =>
  (one, other) =>
    compareTexts(text(one) ?? '\uffff', text(other) ?? '\uffff');
const byTotal = most(({ seconds }) => seconds);

/** What rows can be sorted by; where that is the same, the slowest is first, then by path. */
const ORDERS = {
  outcome: (one, other) => OUTCOMES.indexOf(one.outcome) - OUTCOMES.indexOf(other.outcome),
  total: byTotal,
  step: most(({ slowest }) => slowest?.own),
  reason: byText(({ reason }) => reason),
  defects: most(({ defects }) => defects),
  records: most(({ records }) => records),
  path: byText(({ path }) => path),
} satisfies Record<string, Order>;

export type FleetOrder = keyof typeof ORDERS;

export const FLEET_ORDERS = Object.keys(ORDERS) as FleetOrder[];

export function sorted(rows: readonly FleetRow[], by: FleetOrder): FleetRow[] {
  const order = ORDERS[by];
  return rows.toSorted(
    (one, other) => order(one, other) || byTotal(one, other) || compareTexts(one.path, other.path),
  );
}

/** By code units, so that the order is the same everywhere. */
function compareTexts(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
