import type { Diagnostic } from '../../src/diagnostics/diagnostic.ts';
import type { PoolContent } from '../../src/diagnostics/read/read-diagnostics.ts';
import { parseReport, type ReportRecord } from '../../src/diagnostics/report/report.ts';

let record = 0;

/** A diagnostic; `at` is in milliseconds since 1970. Each has the next number of a record. */
export function told(
  kind: Diagnostic['kind'],
  name: string,
  at: number,
  more: Partial<Diagnostic> = {},
): Diagnostic {
  const finish = kind === 'finish' ? { result: 'success' as const, duration: 0.001 } : {};
  return bare(kind, name, at, { ...finish, ...more });
}

/** The same, of which a finish says neither how it went nor how long it took. */
export function bare(
  kind: Diagnostic['kind'],
  name: string,
  at: number,
  more: Partial<Diagnostic> = {},
): Diagnostic {
  return {
    format: 'diag',
    kind,
    agent: 'agent/1',
    vmId: 'vm',
    name,
    id: name,
    time: new Date(at),
    fields: {},
    text: '',
    records: [record++],
    ...more,
  };
}

/** The start and the finish of a span. */
export function span(
  name: string,
  from: number,
  to: number,
  more: Partial<Diagnostic> = {},
): [start: Diagnostic, finish: Diagnostic] {
  const { result, reason, sources, ...both } = more;
  const failed = { ...(reason !== undefined && { reason }), ...(sources && { sources }) };
  return [
    told('start', name, from, both),
    told('finish', name, to, {
      ...both,
      duration: (to - from) / 1000,
      result: result ?? 'success',
      ...failed,
    }),
  ];
}

export function event(message: string, at: number, more: Partial<Diagnostic> = {}): Diagnostic {
  return told('event', message, at, { message, level: 'INFO', ...more });
}

/** What a pool says that has these diagnostics, and reports of these texts. */
export function contentOf(diagnostics: Diagnostic[], ...reports: string[]): PoolContent {
  return {
    diagnostics,
    reports: reports.map((text) =>
      Object.defineProperties(parseReport(text), { records: { value: [record++] }, text: { value: text } }),
    ) as ReportRecord[],
    unknown: [],
    problems: [],
  };
}
