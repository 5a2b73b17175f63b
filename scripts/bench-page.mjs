// What the report page takes in Debian's chromium: until it is drawn and answers, and what an input takes until it is
// drawn. Figures are of the best of several runs, because a browser wants more processors than others leave it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastBoot, readDiagnosticsSync } from 'kvp-tracing';
import { renderReport } from 'kvp-tracing/report-page';
import { chromium } from 'playwright-core';
import { manySpans } from '../__test__/helpers/report-pools.ts';

const RUNS = 5;

/** What a reader does; each is run in the page. */
const INPUTS = {
  'a key to the last span': () => press('End'),
  'a key to the span before': () => press('ArrowUp'),
  'zoom in': () => press('+'),
  'the whole boot': () => press('0'),
  'a key to the first span': () => press('Home'),
  scroll: () => void (document.querySelector('.scroller').scrollTop = 4000),
  'the details of a span': () => document.querySelectorAll('.row.span')[12].click(),
  'a search': () => type('.timeline input[type=search]', '55'),
  'a search undone': () => type('.timeline input[type=search]', ''),
  'collapse all': () => button('Collapse').click(),
  'expand all': () => button('Expand').click(),
  'the table of records': () => document.querySelector('#tab-records').click(),
  'a filter of the table': () => type('.tables input[type=search]', '99'),
};

/** What these share; defined in the page. */
const HELPERS = `
  const grid = () => document.querySelector('[role=treegrid]');
  globalThis.press = (key) => { grid().focus(); grid().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })); };
  globalThis.type = (where, text) => { const input = document.querySelector(where); input.value = text; input.dispatchEvent(new Event('input', { bubbles: true })); };
  globalThis.button = (text) => [...document.querySelectorAll('button')].find((each) => each.textContent === text);
  globalThis.tasks = [];
  new PerformanceObserver((list) => globalThis.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask', buffered: true });
  new MutationObserver(() => { if (document.documentElement?.dataset.ready === '') globalThis.ready ??= performance.now(); }).observe(document, { attributes: true, subtree: true });
`;

const folder = mkdtempSync(join(tmpdir(), 'kvp-bench-page-'));
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  for (const records of [1024, 20_000]) {
    const path = join(folder, `${records}.html`);
    const pool = manySpans(records / 2);
    writeFileSync(path, renderReport(lastBoot(readDiagnosticsSync(pool)), { records: recordsOf(pool) }));
    const runs = [];
    for (let run = 0; run < RUNS; run++) runs.push(await figuresOf(path));
    console.log(`${records} records, milliseconds:`);
    for (const name of Object.keys(runs[0])) {
      console.log(
        `  ${Math.min(...runs.map((run) => run[name]))
          .toFixed(0)
          .padStart(5)} ${name}`,
      );
    }
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}

async function figuresOf(path) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript(HELPERS);
  await page.goto(`file://${path}`);
  await page.waitForSelector('html[data-ready]', { state: 'attached' });
  await page.waitForTimeout(300);
  const figures = await page.evaluate(() => ({
    'first paint': performance.getEntriesByType('paint')[0].startTime,
    'all is drawn and answers': globalThis.ready,
    'the longest task until then': Math.max(0, ...globalThis.tasks),
  }));
  for (const [name, act] of Object.entries(INPUTS)) {
    // Until behind the frame that shows it.
    figures[name] = await page.evaluate(`(async () => {
      const start = performance.now();
      (${act})();
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      return performance.now() - start;
    })()`);
    await page.waitForTimeout(50);
  }
  await page.close();
  return figures;
}

/** Keys and values of a pool's bytes, which have no more than ASCII. */
function recordsOf(pool) {
  const text = (bytes) => bytes.toString('latin1').replace(/\0[^]*$/, '');
  return Array.from({ length: pool.length / 2560 }, (_, i) => ({
    key: text(pool.subarray(i * 2560, i * 2560 + 512)),
    value: text(pool.subarray(i * 2560 + 512, (i + 1) * 2560)),
  }));
}
