import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Page } from 'playwright-core';
import { readDiagnosticsSync } from '../../src/diagnostics/read/read-diagnostics.ts';
import { decodeRecords } from '../../src/pool/record.ts';
import { type RenderReportOptions, renderReport } from '../../src/report-page/index.ts';
import { type Opened, openedPage, type Watched } from './chromium.ts';
import { bytesOf } from './diag-records.ts';
import { folderOf } from './pool-folder.ts';

/** Writes the page of a pool; its path. */
function pageOf(t: ExecutionContext, pool: Buffer, options: RenderReportOptions = {}): string {
  const path = join(folderOf(t), 'report.html');
  const html = renderReport(readDiagnosticsSync(pool), { records: decodeRecords(pool), ...options });
  writeFileSync(path, html);
  return path;
}

/** Opens the page of a pool. */
export async function opened(
  t: ExecutionContext,
  pool: Buffer,
  how: Opened = {},
  options: RenderReportOptions = {},
): Promise<Watched | undefined> {
  return openedPage(t, pageOf(t, pool, options), how);
}

/** Opens the page of a boot beside the one before. */
export async function compared(
  t: ExecutionContext,
  before: Buffer,
  after: Buffer,
  how: Opened = {},
): Promise<Watched | undefined> {
  return opened(t, after, how, { before: readDiagnosticsSync(before), title: 'bad', beforeTitle: 'good' });
}

/** The names of the spans that are drawn. */
export function names(page: Page): Promise<string[]> {
  return page.locator('.row.span .name .text > bdi').allTextContents();
}

/** A pool without records, and one with a span. */
export const empty = Buffer.alloc(0);
export const one = bytesOf([
  'DIAG|agent/1|vm|finish|one|1|2026-08-31T12:00:01.500Z|none|success|1.5|0',
  '{"fields":{"user":"azureuser"}}',
]);
