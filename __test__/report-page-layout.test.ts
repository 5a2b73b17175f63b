import test from 'ava';
import type { Page } from 'playwright-core';
import { closeBrowser } from './helpers/chromium.ts';
import { bytesOf, VM } from './helpers/diag-records.ts';
import { failedPool, restartedPool } from './helpers/failed-provisioning.ts';
import { compared, names, opened } from './helpers/report-page.ts';

test.after.always(closeBrowser);

const START = Date.parse('2026-08-31T12:00:00Z');

/** The records of a span from a second to another. */
function span(name: string, from: number, to: number): [string, string][] {
  const key = (kind: string, at: number, end: string): string =>
    `DIAG|agent/1|${VM}|${kind}|${name}|${name}|${new Date(START + at * 1000).toISOString()}|none|${end}|0`;
  return [
    [key('start', from, '|'), '{"fields":{}}'],
    [key('finish', to, `success|${to - from}`), '{"fields":{}}'],
  ];
}

const DAY = 86_400;
/** A boot whose clock was set from 1970, and one whose last span ends at the end of a long one. */
const jumped = bytesOf(...span('early', -START / 1000 + 5, -START / 1000 + 8), ...span('late', 0, 70));
const days = bytesOf(...span('all', 0, 3 * DAY), ...span('short', 0.85 * 3 * DAY, 0.86 * 3 * DAY));

/** Texts that lie beyond the edges of what holds them, by as many pixels. */
function cutOff(page: Page, texts: string, holder: string, margin: number): Promise<string[]> {
  return page.locator(texts).evaluateAll(
    (elements, { holds, by }) =>
      elements.flatMap((element) => {
        const [text, box] = [element, element.closest(holds) as Element].map((each) =>
          each.getBoundingClientRect(),
        ) as [DOMRect, DOMRect];
        const isIn = text.left >= box.left - by && text.right <= box.right + by;
        return isIn ? [] : [element.textContent];
      }),
    { holds: holder, by: margin },
  );
}

for (const width of [360, 600, 1280, 2560]) {
  test.serial(
    `no label of the time axis or of a bar is cut off, and the page never scrolls sideways: ${width} pixels`,
    async (t) => {
      for (const pool of [failedPool(), days, jumped]) {
        const found = await opened(t, pool, { width });
        if (found === undefined) return;
        const { page, wrongs } = found;
        t.deepEqual(await cutOff(page, '.axis text', '.axis', 0), []);
        t.true((await page.locator('.axis text').count()) >= 2);
        t.deepEqual(await cutOff(page, '.row .bar text', '.bars', 13), []);
        t.is(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
        t.deepEqual(wrongs, []);
        await page.context().close();
      }
    },
  );
}

test.serial('a span is seen however short it is beside the whole boot', async (t) => {
  for (const hasScripts of [true, false]) {
    const found = await opened(t, jumped, { hasScripts });
    if (found === undefined) return;
    const bars = await found.page
      .locator(hasScripts ? '.row.span .bar g > rect' : '.static svg > rect')
      .evaluateAll((rects) => rects.map((rect) => (rect as SVGRectElement).width.baseVal.value));
    t.is(bars.length, 2);
    t.true(
      bars.every((width) => width > 0),
      `a bar of no width is not drawn: ${bars.join()}`,
    );
    await found.page.context().close();
  }
});

test.serial('on a narrow screen the details leave free the line that they are of', async (t) => {
  const found = await opened(t, failedPool(), { width: 360, height: 800 });
  if (found === undefined) return;
  const { page, wrongs } = found;
  for (const number of [0, 8, 11]) {
    await page.locator('.row.span').nth(number).click();
    await t.notThrowsAsync(page.waitForFunction(isLineFree));
    await page.keyboard.press('Escape');
  }
  t.deepEqual(wrongs, []);
});

/** Runs in the page. */
function isLineFree(): boolean {
  const [row, details] = ['.row.selected', '.details'].map((each) =>
    document.querySelector(each)?.getBoundingClientRect(),
  );
  return row !== undefined && details !== undefined && row.top >= 0 && row.bottom <= details.top;
}

test.serial('the next failure is found though what it is in is closed', async (t) => {
  const found = await opened(t, failedPool());
  if (found === undefined) return;
  const { page, wrongs } = found;
  await page.getByRole('button', { name: 'Collapse' }).click();
  t.deepEqual(await names(page), ['init-local', 'provision_user', 'provision']);
  await page.getByRole('treegrid').focus();
  await page.keyboard.press('f');
  await page.keyboard.press('f');
  await page.locator('.row.active', { hasText: 'network' }).waitFor();
  await page.keyboard.press('f');
  await page.locator('.row.active', { hasText: 'dhcp' }).waitFor();
  t.deepEqual(wrongs, []);
});

test.serial(
  'Escape closes the details wherever the reader is, and the list of agents; so does a click elsewhere',
  async (t) => {
    const found = await opened(t, failedPool());
    if (found === undefined) return;
    const { page, wrongs } = found;
    await page.locator('.card.failure a').click();
    await page.locator('.details').waitFor();
    await page.keyboard.press('Escape');
    t.is(await page.locator('.details').count(), 0);
    const summary = page.locator('.menu summary');
    const list = page.locator('.menu .choices');
    await summary.click();
    await page.locator('.menu input').first().focus();
    await page.keyboard.press('Escape');
    t.false(await list.isVisible());
    await summary.click();
    t.true(await list.isVisible());
    await page.locator('h1').click();
    t.false(await list.isVisible());
    t.deepEqual(wrongs, []);
  },
);

test.serial('a search moves nothing on the page, and says if no span matches', async (t) => {
  const found = await opened(t, failedPool());
  if (found === undefined) return;
  const { page, wrongs } = found;
  const top = (): Promise<number> =>
    page.locator('.chart').evaluate((chart) => chart.getBoundingClientRect().top);
  const before = await top();
  await page.getByRole('searchbox', { name: 'Search spans' }).fill('dhcp');
  await page.locator('.matches', { hasText: '4 of 12 spans' }).waitFor();
  t.is(await top(), before);
  t.is(await page.locator('.none').count(), 0);
  await page.getByRole('searchbox', { name: 'Search spans' }).fill('nothing has this');
  await page.locator('.none', { hasText: 'No span matches.' }).waitFor();
  t.deepEqual(wrongs, []);
});

test.serial(
  'the small map shows where the waterfall is, however little of the boot that shows',
  async (t) => {
    const found = await opened(t, failedPool());
    if (found === undefined) return;
    const { page, wrongs } = found;
    await page.getByRole('treegrid').focus();
    for (let i = 0; i < 30; i++) await page.keyboard.press('+');
    const frame = page.locator('.frame .in');
    await page.waitForFunction(() => document.querySelector('.axis')?.textContent !== '');
    const { width } = (await frame.boundingBox()) ?? { width: 0 };
    t.true(width >= 2 && width < 20, `${width} pixels`);
    t.deepEqual(wrongs, []);
  },
);

test.serial('a name too long for a table ends in dots, and the pointer shows it as a whole', async (t) => {
  const name = 'n'.repeat(120);
  const found = await opened(t, bytesOf(...span(name, 0, 1)));
  if (found === undefined) return;
  const cell = found.page.locator('.grid td button');
  t.is(
    await found.page.locator('.grid td', { has: found.page.locator('button') }).getAttribute('title'),
    name,
  );
  t.is(await cell.evaluate((button) => getComputedStyle(button).textOverflow), 'ellipsis');
  t.true(await cell.evaluate(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth));
});

test.serial(
  'a comparison counts the spans of the boot that it is of, not those that are missing',
  async (t) => {
    const found = await compared(t, failedPool(), restartedPool());
    if (found === undefined) return;
    const { page, wrongs } = found;
    t.regex(await page.locator('.card.duration').innerText(), /^4 spans$/m);
    t.is(await page.getByRole('tab', { name: /Slowest/ }).innerText(), 'Slowest 4');
    t.deepEqual(wrongs, []);
  },
);

test.serial('on a narrow screen a comparison still shows by a sign what became of each span', async (t) => {
  const found = await compared(t, failedPool(), restartedPool(), { width: 360 });
  if (found === undefined) return;
  const signs = await found.page
    .locator('.row.gone > .change')
    .evaluateAll((cells) =>
      cells.map((cell) => [
        getComputedStyle(cell, '::before').content,
        cell.getBoundingClientRect().width > 0,
        cell.textContent?.startsWith('missing'),
      ]),
    );
  t.is(signs.length, 8);
  for (const sign of signs) t.deepEqual(sign, ['"−"', true, true]);
});

test.serial('what is printed has the traceback, and says what its marks mean', async (t) => {
  const found = await opened(t, failedPool());
  if (found === undefined) return;
  const { page, wrongs } = found;
  const traceback = page.locator('.report pre');
  await page.emulateMedia({ media: 'print' });
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  t.true(await traceback.isVisible());
  t.regex(await page.locator('#paper').innerText(), /◆ critical path: the end had to wait for it/);
  await page.evaluate(() => dispatchEvent(new Event('afterprint')));
  t.false(await traceback.isVisible(), 'it is closed again, as the reader left it');
  t.deepEqual(wrongs, []);
});
