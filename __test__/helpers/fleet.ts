import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatReport } from '../../src/diagnostics/report/report.ts';
import { RECORD_SIZE } from '../../src/pool/limits.ts';
import { bytesOf } from './diag-records.ts';

/** How many pools the tests of fleets make; `npm run test:fleet` makes 10,000. */
export const FLEET_SIZE = Number(process.env['KVP_TEST_FLEET'] ?? 200);

/** A pool of a fleet, and what is to be said of it. */
export interface FleetPool {
  path: string;
  outcome: string;
  reason: string | null;
  defects: number | null;
  /** Spans that have ended, which are what a replay sends. */
  spans: number;
}

/** Reasons of those that fail, with what a spreadsheet or a terminal would take amiss. */
export const REASONS = [
  'no lease on eth0',
  'IMDS answered 503, "busy"',
  '=HYPERLINK("http://x","y")',
] as const;
const IMAGES = ['2026.08', '2026.09'] as const;

/** Makes so many pools of three writers in folders of two images: some fail, some do not end, some are damaged, some are none. */
export function makeFleet(folder: string, size: number): FleetPool[] {
  for (const image of IMAGES) mkdirSync(join(folder, image), { recursive: true });
  // As copies of pools are: nobody appends to them any more.
  const then = new Date(Date.now() - 3_600_000);
  return Array.from({ length: size }, (_, index) => {
    const image = index % 2;
    const path = join(folder, IMAGES[image] as string, `vm${String(index).padStart(5, '0')}.kvp_pool`);
    const { bytes, ...said } = poolOf(index, image);
    writeFileSync(path, bytes);
    utimesSync(path, then, then);
    return { path, ...said };
  });
}

function poolOf(index: number, image: number): Omit<FleetPool, 'path'> & { bytes: Buffer } {
  const kind = index % 20;
  if (kind === 19) {
    const bytes = Buffer.from('path,outcome\n'.repeat(300));
    return { bytes, outcome: 'no-pool', reason: null, defects: null, spans: 0 };
  }
  const reason = kind >= 12 && kind < 17 ? (REASONS[index % REASONS.length] as string) : null;
  const isUnfinished = kind === 17;
  const bytes = bytesOf(...linesOf(index, image, reason, isUnfinished));
  const all = { reason: isUnfinished ? 'provision did not end' : reason, spans: isUnfinished ? 4 : 5 };
  const outcome = isUnfinished ? 'unfinished' : reason === null ? 'success' : 'failure';
  // A torn tail, and a record of bytes that are no text.
  if (kind === 16) return { bytes: bytes.subarray(0, -100), outcome, ...all, defects: 1 };
  if (kind === 18) {
    bytes.fill(0xff, RECORD_SIZE + 600, RECORD_SIZE + 620);
    return { bytes, outcome, ...all, defects: 1 };
  }
  return { bytes, outcome, ...all, defects: 0 };
}

type Line = [key: string, value: string];

function linesOf(index: number, image: number, reason: string | null, isUnfinished: boolean): Line[] {
  const vm = `${index.toString(16).padStart(8, '0')}-1111-4000-8000-000000000000`;
  let ids = 0;
  const id = () =>
    `${(++ids).toString(16).padStart(8, '0')}-2222-4000-8000-${index.toString(16).padStart(12, '0')}`;
  const boot = Date.UTC(2026, 7, 31, 12) + index * 1000;
  const at = (seconds: number) => new Date(boot + Math.round(seconds * 1000)).toISOString();
  const cloudInit = (type: string, name: string, time: number, more: object): Line => [
    `CLOUD_INIT|${boot / 1000}|${type}|${name}|${vm}|${id()}`,
    JSON.stringify({ name, type, ts: at(time).replace('Z', '000+00:00'), ...more, msg: name }),
  ];
  const ours = (kind: string, name: string, span: string, time: number, end: string, more: object): Line => [
    `DIAG|contoso/2.0|${vm}|${kind}|${name}|${span}|${at(time)}|none|${end}|0`,
    JSON.stringify({ target: 'contoso', level: 'INFO', fields: {}, ...more }),
  ];
  const [root, dhcp] = [id(), id()];
  // The later image takes longer for a lease.
  const lease = 2 + image * 2 + (index % 7) / 10;
  const end = reason === null ? 'success' : 'fail';
  const why = reason === null ? {} : { reason, 'reason.sources': [] };
  const report = formatReport({
    result: reason === null ? 'success' : 'error',
    ...(reason !== null && { reason }),
    agent: 'contoso/2.0',
    vm_id: vm,
    timestamp: at(20),
  } as Parameters<typeof formatReport>[0]);
  const lines: Line[] = [
    cloudInit('start', 'init-local', 1, {}),
    cloudInit('diagnostic', 'diagnostic message', 1.5, {}),
    cloudInit('start', 'azure-ds/obtain_lease', 2, {}),
    cloudInit('finish', 'azure-ds/obtain_lease', 2 + lease, { result: 'SUCCESS', duration: lease }),
    cloudInit('finish', 'init-local', 8, { result: 'SUCCESS', duration: 7 }),
    [`azure-init-0.1.1|${vm}|INFO|user:provision_user|${id()}`, `Start: ${at(8.2)} | End: ${at(8.9)}`],
    ours('start', 'provision', root, 9, '|', {}),
    ours('start', 'dhcp', dhcp, 10, '|', { parent: root }),
    ours('event', 'dhcp', id(), 10.5, '|', { span: dhcp, fields: { message: 'asked' } }),
    ours('finish', 'dhcp', dhcp, 10 + lease, `${end}|${lease}`, why),
  ];
  if (isUnfinished) return lines;
  return [
    ...lines,
    ours('finish', 'provision', root, 19, `${end}|10`, why),
    ['PROVISIONING_REPORT', report],
    ['heartbeat', 'alive'],
  ];
}
