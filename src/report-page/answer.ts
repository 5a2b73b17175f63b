import { originOf } from '../diagnostics/summary/boot-phases.ts';
import { type Boot, lastBoot } from '../diagnostics/summary/last-boot.ts';
import { outcomeText } from '../diagnostics/summary/outcome-text.ts';
import { type Summary, summarize } from '../diagnostics/summary/summary.ts';
import type { PoolContent } from '../diagnostics/read/read-diagnostics.ts';
import { fieldTexts } from '../format/item-text.ts';
import type { Answer, Fact, Piece, SlowName } from './page-model.ts';
import { cut, type SpanParts } from './span-parts.ts';

/** Items of a list that are shown. */
const LISTED_MAX = 6;
/** Names of spans that most time went to. */
const SLOWEST = 3;

/** What a reader asks first of a boot. `parts` have its spans; absent for the boot that another one is compared with. */
export function answerOf(boot: Boot, summary: Summary, path: string, parts?: SpanParts): Answer {
  const { outcome, seconds, start, end, failed, unfinished, firstFailure, report } = summary;
  const origin = originOf(boot) ?? 0;
  const answer: Answer = {
    path,
    outcome,
    text: cut(outcomeText(summary, path)),
    seconds,
    // A comparison has those of the boot before, too.
    spans: parts?.spans.filter(({ start: at }) => at !== undefined).length ?? 0,
    failed,
    unfinished,
    slowest: parts === undefined ? [] : slowestOf(parts, seconds),
    facts: factsOf(boot, summary),
  };
  if (start) answer.start = start.getTime();
  if (end) answer.end = end.getTime();
  const kernel = summary.kernelStart?.getTime();
  if (end && kernel === origin) answer.sinceKernel = (end.getTime() - kernel) / 1000;
  if (firstFailure) {
    const { name, agent, id, time, duration, reason, sources, carried } = firstFailure;
    answer.failure = {
      name: cut(name),
      agent,
      path: firstFailure.path.map(cut),
      at: time.getTime() - origin,
      ...(duration !== undefined && { seconds: duration }),
      ...(reason !== undefined && { reason: cut(reason) }),
      sources: sources.map(cut),
      carried: carried.map(cut),
      span: parts?.numberOf(id, name, agent) ?? -1,
    };
  }
  if (report) {
    const { result, reason, agent, time, truncated, supportingData, documentationUrl, traceback } = report;
    answer.report = {
      ...(result !== undefined && { result }),
      ...(reason !== undefined && { reason: cut(reason) }),
      ...(agent !== undefined && { agent }),
      ...(time && { time: time.getTime() }),
      isCut: truncated,
      data: Object.entries(supportingData).map(([name, text]) => [cut(name), cut(text)]),
      ...(documentationUrl !== undefined && { url: documentationUrl }),
      ...(traceback !== undefined && { traceback: cut(traceback) }),
    };
  }
  return answer;
}

/** The names of spans that most time went to. */
function slowestOf({ spans, agents }: SpanParts, seconds: number): SlowName[] {
  const names = new Map<string, SlowName & { most: number }>();
  spans.forEach(({ name, agent, own = 0 }, span) => {
    const key = `${agent}|${name}`;
    const known = names.get(key);
    if (known === undefined) {
      names.set(key, { name, agent: agents[agent] ?? '', count: 1, own, share: 0, span, most: own });
      return;
    }
    known.count++;
    known.own += own;
    if (own > known.most) Object.assign(known, { most: own, span });
  });
  return [...names.values()]
    .filter(({ own }) => own > 0)
    .sort((one, other) => other.own - one.own)
    .slice(0, SLOWEST)
    .map(({ name, agent, count, own, span }) => {
      return { name, agent, count, own, share: seconds > 0 ? own / seconds : 0, span };
    });
}

function factsOf(boot: Boot, summary: Summary): Fact[] {
  const { bootTime, kernelStart, start, end, vmIds, writers, records, dropped, defects, report } = summary;
  const facts: Fact[] = [];
  const add = (label: string, items: Piece[][]): void => {
    if (items.length > 0) facts.push({ label, items });
  };
  if (start && end) add('Time', [[{ time: start.getTime() }, ' to ', { time: end.getTime() }]]);
  const booted = kernelStart ?? bootTime;
  if (booted) add('Booted', [[{ time: booted.getTime() }]]);
  add(vmIds.length > 1 ? 'VMs' : 'VM', listed(vmIds.map((text) => [{ text, kind: 'code' }])));
  if (report?.ppsType !== undefined && report.ppsType !== 'None') {
    add('Pre-provisioning', [[{ text: report.ppsType, kind: 'pool' }]]);
  }
  add(
    'Written by',
    listed(
      writers.map(({ agent, format, records: count }) => [
        { text: agent, kind: 'pool' },
        ', ',
        { count, noun: 'record' },
        agent === format ? '' : ` (${format})`,
      ]),
    ),
  );
  if (records.total > 0) {
    const pieces: Piece[] = [{ count: records.total, noun: 'record' }];
    if (records.unknown > 0) pieces.push(', ', { count: records.unknown }, ' of other programs');
    if (records.problems > 0) pieces.push(', ', { count: records.problems }, ' unreadable');
    add('Records', [pieces]);
  }
  add(
    'Dropped',
    listed(
      dropped.map(({ agent, message, fields }) => [
        { text: cut(message), kind: 'warn' },
        ' by ',
        { text: agent, kind: 'pool' },
        { text: ` ${fieldTexts(fields).join(' ')}`, kind: 'pool' },
      ]),
    ),
  );
  if (defects !== undefined && defects.count > 0) {
    const { stop, count } = defects;
    const items: Piece[][] = [[{ text: count === 1 ? 'one defect' : `${count} defects`, kind: 'warn' }]];
    if (stop !== undefined) {
      const where = `the host stops reading at record ${stop.record}, whose ${stop.field ?? 'text'} is no UTF-8`;
      items.push([{ text: `${where}: it gets ${stop.record} of ${records.total} records`, kind: 'bad' }]);
    }
    add('File', items);
  }
  add('Earlier boots', partItems(boot.earlier, vmIds));
  add('Other VMs', partItems(boot.otherVms, vmIds));
  return facts;
}

const WORDS = { success: 'succeeded', failure: 'failed', unfinished: 'did not finish', unknown: 'not known' };

/** What is set apart: a line for each boot, with how it went, and the VM if that is another one. */
function partItems(part: PoolContent, known: readonly string[]): Piece[][] {
  const items: Piece[][] = [];
  let rest = part;
  while (rest.diagnostics.length + rest.reports.length > 0) {
    const boot = lastBoot(rest);
    const summary = summarize(boot);
    const { start, end, outcome, records, vmIds, earlier } = summary;
    const pieces: Piece[] = [
      { count: records.total - (earlier?.records ?? 0), noun: 'record' },
      ' set apart',
    ];
    if (start && end) pieces.push(', from ', { time: start.getTime() }, ' to ', { time: end.getTime() });
    const others = vmIds.filter((id) => !known.includes(id));
    for (const text of others.slice(0, LISTED_MAX)) pieces.push(', VM ', { text, kind: 'code' });
    pieces.push(`: ${WORDS[outcome]}, `, { text: cut(outcomeText(summary, 'it')), kind: 'pool' });
    items.push(pieces);
    if (items.length > LISTED_MAX) break;
    rest = boot.earlier;
  }
  return listed(items);
}

function listed(items: Piece[][]): Piece[][] {
  if (items.length <= LISTED_MAX) return items;
  return [...items.slice(0, LISTED_MAX), [`and ${items.length - LISTED_MAX} more`]];
}
