import { recordLine } from './record-text.ts';

/** What azure-init's tool says of a pool. */
export interface PoolInfo {
  readonly pool: string;
  readonly path: string;
  readonly mode: 'safe' | 'unsafe';
  readonly records: number;
  readonly empty: boolean;
  readonly stale: boolean;
  readonly max_key_size: number;
  readonly max_value_size: number;
}

/** `name=value` lines, with texts as `shown` has them. */
export function infoLines(found: object, shown: (text: string) => string): string {
  return Object.entries(found)
    .map(([name, value]) => recordLine({ key: name, value: String(value) }, shown))
    .join('');
}

/** With the members in the order of their names, as azure-init's tool prints them. */
export function sorted(found: PoolInfo): object {
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}
