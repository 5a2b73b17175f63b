import type { Defect } from './edit.ts';

/**
 * A defect and its repair: a torn tail is cut, a record without a key is dropped, a field is encoded again.
 */
export interface Repair extends Defect {
  action: 'cut' | 'dropped' | 're-encoded';
}

/** How the defects of a pool are repaired. */
export function repairsOf(defects: readonly Defect[]): Repair[] {
  const dropped = new Set(defects.filter(({ reason }) => reason === 'empty_key').map(({ record }) => record));
  return defects.map((defect) => {
    if (defect.reason === 'torn_tail') return { ...defect, action: 'cut' };
    return { ...defect, action: dropped.has(defect.record) ? 'dropped' : 're-encoded' };
  });
}
