import type { Command } from 'commander';
import type { InputBoot } from './boots.ts';
import type { GlobalOptions } from './global-options.ts';
import { print } from './output.ts';
import { writeOneFile } from './write-files.ts';

/** Options of the commands that make a page. */
export interface HtmlOptions extends GlobalOptions {
  /** Where the page is written; `-` is stdout. */
  html?: string;
  force?: boolean;
}

/** Adds the options that `printPage` reads. */
export function addHtmlOptions(command: Command): Command {
  return command
    .option(
      '--html <file>',
      'write a page of HTML that anyone can open, mail and keep; - is the standard output',
    )
    .option('--force', 'replace the file of --html if it is there');
}

/** Ends the program if the options can't be told together. */
export function checkHtmlOptions(command: Command): HtmlOptions {
  const options = command.optsWithGlobals<HtmlOptions>();
  if (options.html === undefined) {
    if (options.force) command.error('--force is for --html');
  } else if (options.json) command.error('--html and --json exclude each other');
  else if (options.html === '') command.error('--html needs the path of a file, or -');
  return options;
}

/** Writes the page of a boot, or of one that is compared with another, and prints where it is. */
export async function printPage(
  shown: InputBoot,
  { html = '-', force = false }: HtmlOptions,
  before?: InputBoot,
): Promise<void> {
  const { renderReport } = await import('../report-page/index.ts');
  const { input, boot, summary } = shown;
  const page = renderReport(boot, {
    title: input.path === '-' ? 'standard input' : input.path,
    summary,
    records: input.texts,
    ...(before && { before: before.boot, beforeTitle: before.input.path }),
  });
  if (html === '-') return print(page);
  return print(`${writeOneFile(html, page, force)}\n`);
}
