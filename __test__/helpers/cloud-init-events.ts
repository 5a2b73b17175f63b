import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Debian's, because it sees Debian's cloud-init. */
const PYTHON = '/usr/bin/python3';
const WRITER = fileURLToPath(new URL('writers/cloud-init-events.py', import.meta.url));

/** An event for cloud-init to report. */
export interface CloudInitEvent {
  type: 'start' | 'finish' | 'diagnostic' | 'compressed';
  name: string;
  text: string;
  result?: 'SUCCESS' | 'WARN' | 'FAIL';
}

/** Has cloud-init's own handler append these events to a pool. */
export function reportByCloudInit(pool: string, events: readonly CloudInitEvent[]): void {
  execFileSync(PYTHON, [WRITER, pool], { input: JSON.stringify(events), stdio: ['pipe', 'ignore', 'pipe'] });
}
