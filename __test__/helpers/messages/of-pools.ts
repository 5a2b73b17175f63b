import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { diagnostics, openPool, parseReport, ProvisioningError } from '../../../src/index.ts';
import { holdLock } from '../lock-holder.ts';
import { folderOf, poolOf } from '../pool-folder.ts';
import { command, type Row } from './row.ts';

const VM = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const PRODUCER = { agent: 'agent/1.0', vmId: VM };

const artifact = (source: unknown, options?: object) => (t: ExecutionContext) =>
  diagnostics(poolOf(t), { ...PRODUCER }).artifact('log', source as Uint8Array, options);

export const POOLS: readonly Row[] = [
  {
    of: (t) => openPool(poolOf(t)).set(5 as never, 'v'),
    cure: 'Keys and values are texts; `JSON.stringify` makes one.',
  },
  {
    of: (t) =>
      openPool(poolOf(t)).append([
        { key: 'a', value: '1' },
        { key: '', value: '2' },
      ]),
    cure: 'The text names the record of the list. Nothing of the list was written.',
  },
  {
    of: (t) => {
      const folder = folderOf(t);
      symlinkSync('elsewhere', join(folder, 'pool'));
      return openPool(join(folder, 'pool')).append('key', 'value');
    },
    cure: 'Name the file itself; a link is not followed.',
  },
  {
    of: (t) => openPool(folderOf(t)).append('key', 'value'),
    cure: 'Name a file in the folder: `.kvp_pool_1`.',
  },
  {
    of: async (t) => {
      const path = poolOf(t);
      await openPool(path).set('key', 'value');
      await holdLock(t, 'flock', path);
      await openPool(path, { lockTimeout: 50 }).set('key', 'other');
    },
    cure: 'A program that keeps a lock for long holds up the host too.',
  },
  {
    of: {
      text: `… ends in the middle of a record and did not stay as it was for 300 ms within … ms (lockTimeout). Try again or raise it`,
      in: 'store-locks.test.ts',
      has: `did not stay as it was for 300 ms within`,
    },
    cure: 'A program writes without a lock all the time; wait for it.',
  },
  {
    of: {
      text: `… bytes of memory for … of … were refused; …, or raise the memory limit of the process`,
      in: 'memory-limit.test.ts',
      has: `bytes of memory for`,
    },
    cure: 'What to lower depends on what the memory was for.',
  },
  {
    of: {
      text: `a write to … stopped after … bytes and could not be rolled back; kvp repair mends the pool`,
      in: 'store-faults.test.ts',
      has: `instanceOf: CutShortError`,
    },
    cure: 'The disk failed during a write; `kvp repair` removes the part of a record.',
  },
  {
    of: {
      text: `the writer of … panicked: …; this is a defect of kvp-tracing, please report it`,
      in: 'fallback.test.ts',
      has: `this is a defect of kvp-tracing`,
    },
    cure: 'The writer goes on. Please report it.',
  },
  {
    of: {
      text: `records are appended to … without a lock, so a program that rewrites it may remove them: …`,
      in: 'rewriter.test.ts',
      has: `records are appended to`,
    },
    cure: 'Install `flock` (Debian: util-linux), or the native core.',
  },
  {
    of: {
      text: `3 records are gone from the pool: it was deleted, cleared, renamed or mounted over, or a program without our lock rewrote it meanwhile`,
      in: 'durability.test.ts',
      has: `gone from the pool`,
    },
    cure: 'Find the program that rewrites the pool without `flock`.',
  },
  {
    of: (t) =>
      diagnostics(poolOf(t), { ...PRODUCER, maxRecords: 1, encoding: 'none' }).event(
        'mkfs',
        'x'.repeat(2000),
      ),
    cure: 'Write less, or raise `maxRecords`.',
  },
  {
    of: (t) => diagnostics(poolOf(t), PRODUCER).event('mkfs', 5 as never),
    cure: 'Give a text or `{ name: value }`.',
  },
  {
    of: (t) => diagnostics(poolOf(t), PRODUCER).event('mkfs', 'x'.repeat(2 ** 24 + 1)),
    cure: 'Give less; a file goes by `artifact`.',
  },
  {
    of: (t) => diagnostics(poolOf(t), PRODUCER).finish(Promise.resolve() as never, 'success'),
    cure: 'Write `await start(…)`.',
  },
  {
    of: (t) => diagnostics(poolOf(t), PRODUCER).finish({ id: VM, name: 'a' }, 'success'),
    cure: 'Give `{ duration }`, in seconds.',
  },
  {
    of: (t) =>
      diagnostics(poolOf(t), PRODUCER).finish({ id: VM, name: 'a' }, 'success', '', {
        duration: -1,
      }),
    cure: 'Give seconds.',
  },
  { of: artifact(5), cure: 'Give a `Buffer`, a `Uint8Array` or a path.' },
  { of: artifact('/dev'), cure: 'Name a file.' },
  {
    of: (t) => {
      const writer = diagnostics(poolOf(t), PRODUCER);
      writer.close();
      return writer.event('mkfs', 'text');
    },
    cure: 'Close it last.',
  },
];

export const REPORTS: readonly Row[] = [
  { of: () => parseReport('no report'), cure: 'Give the value of the record `PROVISIONING_REPORT`.' },
  {
    of: () =>
      ProvisioningError.parse('result=success|agent=a|pps_type=None|vm_id=x|timestamp=2026-01-01T00:00:00Z'),
    cure: 'Only a failure has a reason; `parseReport` reads both.',
  },
  {
    of: command('report-failure', '--reason', 'x', '--supporting-data', 'a'),
    cure: 'Write `key=value,key=value`.',
  },
  {
    of: {
      text: `the provisioning report may not be written: …`,
      in: 'setup.test.ts',
      has: `may not be written`,
    },
    cure: 'The text behind it says why; `kvp doctor` says more.',
  },
];
