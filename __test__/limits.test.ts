import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import * as limits from '../src/pool/limits.ts';
import { ROOT } from './helpers/programs.ts';

/** The constants of limits.rs, each computed from those before it. */
function limitsOfCore(): Record<string, number> {
  const source = readFileSync(new URL('crates/kvp/src/limits.rs', ROOT), 'utf8');
  const values: Record<string, number> = {};
  for (const [, name = '', value = ''] of source.matchAll(/^pub const (\w+): \w+ = ([^;]+);$/gm)) {
    values[name] = runInNewContext(value, { ...values }) as number;
  }
  return values;
}

test('both cores have the same limits, by name and value', (t) => {
  const core = limitsOfCore();
  t.is(core['RECORD_SIZE'], 2560);
  t.deepEqual(core, { ...limits });
});
