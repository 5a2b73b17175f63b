import { InvalidArgumentError } from 'commander';
import { LEVELS, type Verbosity, verbosityOf } from '../../tracing/level.ts';
import { Date, wallMillis } from '../../tracing/timers.ts';
import { isAgentNamed } from '../agent-name.ts';
import type { LogItem } from './log-item.ts';

/** Since when items are printed: a moment, in milliseconds since 1970, or the last boot. */
export type Since = number | 'boot';

/** Which items are printed. */
export interface LogFilter {
  since?: Since;
  level?: Verbosity;
  agent: string[];
  failed?: boolean;
}

const MILLISECONDS: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const AGO = /^-?((?:\d+(?:\.\d+)?(?:ms|s|min|m|h|d|w)\s*)+)(?:\s*ago)?$/;
/** A date, which may have a time, which may have seconds and a zone. */
const MOMENT = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?)?$/;

/** Whether an item is printed. That of the last boot is told from the whole pool, not here. */
export function passes(item: LogItem, { since, level, agent, failed }: LogFilter): boolean {
  if (failed && !item.isFailure) return false;
  // Of a span that failed the level is that of the span.
  if (level !== undefined && item.verbosity > level && !item.isFailure) return false;
  if (agent.length > 0 && !agent.some((name) => isAgentNamed(item.agent, name))) return false;
  return typeof since !== 'number' || item.time === undefined || item.time.getTime() >= since;
}

/** The options that a filter comes of. */
export function optionsOf({ since, level, agent, failed = false }: LogFilter): string[] {
  const given: [name: string, isGiven: boolean][] = [
    ['--since', since !== undefined],
    ['--level', level !== undefined],
    ['--agent', agent.length > 0],
    ['--failed', failed],
  ];
  return given.flatMap(([name, isGiven]) => (isGiven ? [name] : []));
}

export function sinceOf(text: string, now = wallMillis()): Since {
  if (text === 'boot') return 'boot';
  const [, ago] = AGO.exec(text.trim()) ?? [];
  if (ago !== undefined) {
    let since = now;
    for (const [, amount, unit = ''] of ago.matchAll(/(\d+(?:\.\d+)?)([a-z]+)/g)) {
      since -= Number(amount) * (MILLISECONDS[unit] as number);
    }
    return since;
  }
  const [, date, clock = '00:00', seconds = ':00', zone = 'Z'] = MOMENT.exec(text.trim()) ?? [];
  const offset = zone.replace(/^(...)(\d\d)$/, '$1:$2');
  const time = new Date(`${date}T${clock}${seconds}${offset}`).getTime();
  if (!Number.isNaN(time)) return time;
  throw new InvalidArgumentError(
    'It must be a time as 2026-08-31T12:00Z (UTC if there is no zone), how long ago as 10m or 1h30m, or boot.',
  );
}

export function levelOf(text: string): Verbosity {
  const verbosity = verbosityOf(text);
  if (verbosity) return verbosity;
  throw new InvalidArgumentError(`It must be ${LEVELS.join(', ')}, in any case.`);
}

export function countOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 0.');
}
