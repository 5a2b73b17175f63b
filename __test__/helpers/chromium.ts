import { existsSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { type Browser, chromium, type Page } from 'playwright-core';
import { has } from './pool-folder.ts';

/** Debian's browser. */
const PROGRAM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));

const missing = PROGRAM === undefined ? 'missing chromium: apt-get install chromium' : undefined;

let started: Promise<Browser> | undefined;

/** How a page is opened. */
export interface Opened {
  width?: number;
  height?: number;
  theme?: 'light' | 'dark';
  hasScripts?: boolean;
  timezone?: string;
  /** What the address ends with: `#span-3`. */
  hash?: string;
}

/** A page in the browser, and what went wrong in it. */
export interface Watched {
  page: Page;
  /** Messages of the console, errors of scripts, and requests besides the file itself; none if all is well. */
  wrongs: string[];
}

/** Opens a file in a real browser that the tests of a file share; `undefined` where it is missing. Closed when the test is over. */
export async function openedPage(
  t: ExecutionContext,
  path: string,
  {
    width = 1280,
    height = 2000,
    theme = 'light',
    hasScripts = true,
    timezone = 'UTC',
    hash = '',
  }: Opened = {},
): Promise<Watched | undefined> {
  if (!has(t, missing)) return undefined;
  started ??= chromium.launch({
    executablePath: PROGRAM as string,
    // Tests run as root, for which the browser has no sandbox.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  const browser = await started;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    javaScriptEnabled: hasScripts,
    timezoneId: timezone,
    locale: 'en-US',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  t.teardown(() => context.close());
  const page = await context.newPage();
  const wrongs: string[] = [];
  page.on('console', (message) => wrongs.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => wrongs.push(`${error.message}\n${error.stack ?? ''}`));
  page.on('dialog', (dialog) => {
    wrongs.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  const address = `file://${path}`;
  page.on('request', (request) => {
    const url = request.url();
    if (url.replace(/#.*$/, '') !== address) wrongs.push(`request: ${url}`);
  });
  await page.goto(address + hash);
  if (hasScripts) await page.waitForSelector('html[data-ready]', { state: 'attached' });
  return { page, wrongs };
}

/** Closes the browser. */
export async function closeBrowser(): Promise<void> {
  await (await started)?.close();
}
