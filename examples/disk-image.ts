/**
 * Says why the last boot of a VM failed, from its disk, which is mounted read-only: `disk-image.ts /mnt`. Of the pool
 * in examples/pools it prints:
 *
 *     failure: no lease on eth0 after 3 attempts
 *     dhcp: no answer in 4 s ← EAGAIN: link is down
 *     dhcp: no answer in 4 s
 *     dhcp: no answer in 4 s ← ETIMEDOUT: recvfrom ← link eth0 has no carrier
 *     tidy_up: did not end
 */
import { join } from 'node:path';
import { lastBoot, readDiagnostics, summarize, type TimelineNode } from 'kvp-tracing';

const [mounted = '/mnt'] = process.argv.slice(2);
const content = await readDiagnostics(join(mounted, 'var/lib/hyperv/.kvp_pool_1'));
// Not by the clock or the id of the machine that this runs on: the disk is another's.
const boot = lastBoot(content);
const { outcome, reason } = summarize(boot);
console.log(`${outcome}${reason === undefined ? '' : `: ${reason}`}`);

/** The spans that failed or did not end by themselves, not by what happened in them. */
function* causes(spans: readonly TimelineNode[]): Generator<TimelineNode> {
  for (const span of spans) {
    const within = [...causes(span.children)];
    yield* within;
    const isBad = span.result === 'fail' || span.state === 'unfinished';
    if (isBad && within.length === 0) yield span;
  }
}

for (const { name, state, reason: why, sources = [] } of causes(boot.timeline.roots)) {
  console.log(`${name}: ${state === 'unfinished' ? 'did not end' : [why, ...sources].join(' ← ')}`);
}
