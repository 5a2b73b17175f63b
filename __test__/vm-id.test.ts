import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { vmId } from '../src/index.ts';
import { readVmId } from '../src/diagnostics/vm-id.ts';
import { folderOf } from './helpers/pool-folder.ts';

const SPELLED = '545F2E3C-8C4A-4E0B-9C1D-0A1B2C3D4E5F';

/** A root with this product id and perhaps a folder more. */
function rootWith(t: ExecutionContext, text: string, folder = 'sys'): string {
  const root = `${folderOf(t)}/`;
  for (const path of ['sys/class/dmi/id', folder]) mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, 'sys/class/dmi/id/product_uuid'), text);
  return root;
}

test('on a VM of generation 2 the id is as the firmware gives it, trimmed and in lower case', (t) => {
  for (const folder of ['sys/firmware/efi', 'dev/efi']) {
    t.is(readVmId(rootWith(t, `${SPELLED}\n`, folder)), '545f2e3c-8c4a-4e0b-9c1d-0a1b2c3d4e5f');
  }
});

test('on a VM of generation 1 the first three groups are byte-swapped', (t) => {
  t.is(readVmId(rootWith(t, `${SPELLED}\n`)), '3c2e5f54-4a8c-0b4e-9c1d-0a1b2c3d4e5f');
});

test('what is no UUID, or not there, is not taken for one', (t) => {
  t.throws(() => readVmId(rootWith(t, 'Not Specified\n')), { message: '"not specified" is no UUID' });
  t.throws(() => readVmId(`${folderOf(t)}/`), { code: 'ENOENT' });
});

test('an id that can not be read is zeros, and that is said', (t) => {
  const problems: Error[] = [];
  const id = vmId({ onProblem: (problem) => problems.push(problem) });
  if (problems.length === 0) t.regex(id, /^[0-9a-f-]{36}$/, 'this machine has one');
  else {
    t.is(id, '00000000-0000-0000-0000-000000000000');
    t.like(problems, { length: 1, 0: { code: 'ERR_KVP_IO', path: '/sys/class/dmi/id/product_uuid' } });
  }
});
