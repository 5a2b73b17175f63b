import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { decodeRecords } from '../src/pool/record.ts';
import { renderReport } from '../src/report-page/index.ts';
import { closeBrowser } from './helpers/chromium.ts';
import { bytesOf } from './helpers/diag-records.ts';
import { failedPool, restartedPool } from './helpers/failed-provisioning.ts';
import { deepPool, hostilePool } from './helpers/hostile-pool.ts';
import { compared, empty, names, one, opened } from './helpers/report-page.ts';
import { manySpans, scriptPool } from './helpers/report-pools.ts';

test.after.always(closeBrowser);

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

test.serial('tables are sorted, filtered and copied as CSV', async (t) => {
  const found = await opened(t, failedPool());
  if (found === undefined) return;
  const { page, wrongs } = found;
  const column = (n: number): Promise<string[]> =>
    page.locator(`.grid tbody tr:not(.spacer) td:nth-child(${n})`).allTextContents();
  t.deepEqual((await column(1)).slice(0, 4), ['4.00 s', '4.00 s', '4.00 s', '3.10 s']);
  await page.getByRole('tab', { name: 'Events' }).click();
  await page.locator('.tables input[type=search]').fill('still');
  t.deepEqual(await column(1), ['+19.000 s', '+24.000 s', '+29.000 s']);
  await page.getByRole('columnheader', { name: 'at' }).getByRole('button').click();
  t.deepEqual(await column(1), ['+29.000 s', '+24.000 s', '+19.000 s']);
  await page.getByRole('button', { name: 'Copy as CSV' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  const csv = await page.evaluate(() => navigator.clipboard.readText());
  t.is(csv.split('\r\n')[0], 'at (s),UTC,level,event,fields,span,agent');
  t.is(csv.split('\r\n').length, 5);
  await page.getByRole('tab', { name: 'Raw records' }).click();
  await page.waitForSelector('.grid td.code');
  t.is((await column(1)).length, 31);
  t.deepEqual(wrongs, []);
});

test.serial(
  'times are told in UTC and in the zone of the reader, and light and dark are chosen by hand',
  async (t) => {
    const found = await opened(t, failedPool(), { timezone: 'Asia/Tokyo', theme: 'dark' });
    if (found === undefined) return;
    const { page, wrongs } = found;
    const time = page.locator('.facts time').first();
    t.is(await time.innerText(), '2026-08-31 12:00:08.350 UTC');
    await page.locator('#settings select').first().selectOption('local');
    t.is(await time.innerText(), '2026-08-31 21:00:08.350 UTC+09:00');
    const page_ = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await page_();
    await page.locator('#settings select').last().selectOption('light');
    t.not(await page_(), dark);
    t.deepEqual(wrongs, []);
  },
);

for (const [name, pool] of Object.entries({ failed: failedPool(), hostile: hostilePool(), empty, one })) {
  for (const theme of ['light', 'dark'] as const) {
    test.serial(`axe-core finds nothing on the page of the pool ${name}, ${theme}`, async (t) => {
      const found = await opened(t, pool, { theme, hash: '#span-1' });
      if (found === undefined) return;
      const { page, wrongs } = found;
      const violations = async (): Promise<string[]> => {
        await page.evaluate(`${AXE};0`);
        return page.evaluate(async () => {
          const { axe } = globalThis as unknown as {
            axe: {
              run: () => Promise<{
                violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
              }>;
            };
          };
          const { violations: list } = await axe.run();
          return list.map(
            ({ id, nodes }) =>
              `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
          );
        });
      };
      t.deepEqual(await violations(), []);
      for (const tab of await page.getByRole('tab').all()) {
        await tab.click();
        t.deepEqual(await violations(), []);
      }
      t.deepEqual(wrongs, []);
    });
  }
}

test.serial('without a script the answer, the tree and the tables read', async (t) => {
  const found = await opened(t, failedPool(), { hasScripts: false });
  if (found === undefined) return;
  const { page, wrongs } = found;
  const text = await page.locator('body').innerText();
  for (const part of [
    'no lease on eth0 after 3 attempts',
    'dhcp ✕ failed',
    'no answer in 4 s ← EAGAIN: link is down',
    'Slowest by own time',
    'still waiting for an offer',
  ]) {
    t.true(text.includes(part), part);
  }
  t.is(await page.locator('.static tr[id^=span-]').count(), 12);
  t.deepEqual(wrongs, []);
});

test.serial('what is printed has all spans and tables', async (t) => {
  const found = await opened(t, failedPool());
  if (found === undefined) return;
  const { page, wrongs } = found;
  await page.emulateMedia({ media: 'print' });
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  t.false(await page.locator('#explorer').isVisible());
  t.is(await page.locator('#paper tr[id^=span-]').count(), 12);
  t.true((await page.pdf()).length > 10_000);
  t.deepEqual(wrongs, []);
});

test.serial(
  'texts of an attacker stay texts: in names, fields, reasons, reports, titles and tables',
  async (t) => {
    for (const hasScripts of [true, false]) {
      const found = await opened(
        t,
        scriptPool(),
        { hasScripts },
        { title: '</title><script>alert(1)</script>' },
      );
      if (found === undefined) return;
      const { page, wrongs } = found;
      t.is(await page.title(), 'Failed: </title><script>alert(1)</script>');
      t.is(await page.locator('img, iframe, object, embed, link, base').count(), 0);
      t.is(await page.locator('[onerror], [onload], [style]').count(), 0);
      t.true((await page.locator('h1').innerText()).includes('<img src=x onerror=alert(1)>'));
      if (hasScripts) {
        for (const row of await page.locator('.row.span').all()) await row.click();
        for (const tab of await page.getByRole('tab').all()) await tab.click();
        await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
        t.is(await page.locator('img, iframe, object, embed, link, base, [onerror]').count(), 0);
        t.is(await page.locator('script').count(), (await page.locator('script[data-part]').count()) + 1);
      }
      t.deepEqual(wrongs, []);
    }
  },
);

test.serial('what would turn a line around or can not be seen is spelled out', async (t) => {
  const found = await opened(t, hostilePool());
  if (found === undefined) return;
  const { page, wrongs } = found;
  t.notRegex(
    await page.locator('body').innerText(),
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/,
  );
  t.true((await page.locator('h1').innerText()).includes('\\u{202e} evil'));
  t.deepEqual(wrongs, []);
});

test.serial('a spreadsheet takes nothing of the CSV for a formula', async (t) => {
  const found = await opened(t, scriptPool());
  if (found === undefined) return;
  const { page } = found;
  await page.getByRole('tab', { name: 'Raw records' }).click();
  await page.waitForSelector('.grid td.code');
  for (const tab of ['Slowest', 'Events', 'Raw records']) {
    await page.getByRole('tab', { name: tab }).click();
    await page.getByRole('button', { name: 'Copy as CSV' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const csv = await page.evaluate(() => navigator.clipboard.readText());
    t.regex(csv, /'=HYPERLINK/, tab);
    t.notRegex(csv, /(^|,)"?[=@]/m, tab);
  }
});

test.serial('an address that names no span, or more than that, does nothing', async (t) => {
  for (const hash of [
    '#span-99',
    '#span--1',
    '#span-1"><img src=x onerror=alert(1)>',
    '#%00',
    '#__proto__',
  ]) {
    const found = await opened(t, failedPool(), { hash });
    if (found === undefined) return;
    t.is(await found.page.locator('.details').count(), 0, hash);
    t.deepEqual(found.wrongs, []);
  }
});

test.serial('two boots are laid over one another: what is slower, new, missing, or fails now', async (t) => {
  const good = manySpans(40);
  const bad = manySpans(40, { slower: 3, without: 5, failing: 7, more: true });
  const found = await compared(t, good, bad);
  if (found === undefined) return;
  const { page, wrongs } = found;
  t.regex(
    (await page.locator('p.before').innerText()).replace(/\s+/g, ' '),
    /^Before, in good: provisioning succeeded in 800 ms\. Of the spans now 1 slower, 1 new, 1 missing, 1 failing now/,
  );
  await page.selectOption('select[aria-label="Change"]', 'any');
  const changes = await page.locator('.row.span .change').allTextContents();
  t.deepEqual(changes.filter((text) => text !== '').sort(), [
    '+500 ms slower',
    'fails now',
    'missing, took 10.0 ms',
    'new',
  ]);
  t.deepEqual(wrongs, []);
});

for (const [name, pool] of Object.entries({
  ...Object.fromEntries(
    ['azure-init-0.1', 'cloud-init-22.4', 'cloud-init-26.2', 'diag-azure-init'].map((sample) => [
      sample,
      readFileSync(`__test__/fixtures/samples/${sample}.kvp_pool`),
    ]),
  ),
  ...Object.fromEntries(
    ['azure-init', 'cloud-init', 'diag'].map((golden) => [
      `golden ${golden}`,
      readFileSync(`__test__/fixtures/golden/${golden}.kvp_pool`),
    ]),
  ),
  torn: failedPool().subarray(0, -700),
  damaged: Buffer.from(failedPool().map((byte, i) => (i % 997 === 0 ? byte ^ 0x55 : byte))),
  deep: deepPool(60),
  empty,
  one,
})) {
  test.serial(
    `the page of the pool ${name} has every span and event that the pool has, and nothing goes wrong`,
    async (t) => {
      const content = readDiagnosticsSync(pool);
      for (const width of [380, 2560]) {
        const found = await opened(t, pool, { width, height: 4000 });
        if (found === undefined) return;
        const { page, wrongs } = found;
        const counts = await page.locator('[role=tab]').allTextContents();
        const count = (tab: string): number =>
          Number(
            /(\d[\d,]*)$/.exec(counts.find((text) => text.startsWith(tab)) ?? '')?.[1]?.replaceAll(',', '') ??
              0,
          );
        t.is(count('Raw records'), decodeRecords(pool).length);
        t.is(count('Problems'), content.problems.length);
        t.true(count('Events') + count('Slowest') * 2 >= content.diagnostics.length);
        const { scroll, client } = await page.evaluate(() => ({
          scroll: document.documentElement.scrollWidth,
          client: document.documentElement.clientWidth,
        }));
        t.true(scroll <= client, `${width}: ${scroll} pixels wide`);
        t.deepEqual(wrongs, []);
      }
    },
  );
}

test.serial('what an earlier boot left is set apart, with how that one went', async (t) => {
  const found = await opened(t, restartedPool());
  if (found === undefined) return;
  const { page, wrongs } = found;
  t.regex(await page.locator('h1').innerText(), /Provisioning succeeded in 5\.80 s/);
  t.regex(
    await page.locator('.facts dl').innerText(),
    /Earlier boots\s+30 records set apart, from 2026-08-31 12:00:08\.350 UTC .*: failed, no lease on eth0 after 3 attempts/,
  );
  t.is((await names(page)).length, 4);
  t.deepEqual(wrongs, []);
});

test.serial('400 agents have a lane each', async (t) => {
  const pool = bytesOf(
    ...Array.from({ length: 400 }, (_, i): [string, string] => [
      `DIAG|agent-${i}/1|vm|finish|work|${i}|2026-08-31T12:00:${String(i % 60).padStart(2, '0')}.500Z|none|success|0.4|0`,
      '{"fields":{}}',
    ]),
  );
  const found = await opened(t, pool);
  if (found === undefined) return;
  const { page, wrongs } = found;
  t.is(await page.getByRole('treegrid').getAttribute('aria-rowcount'), '800');
  await page.locator('.menu summary').click();
  t.is(await page.locator('.menu label').count(), 400);
  await page.getByRole('button', { name: 'None' }).click();
  t.is(await page.locator('.row').count(), 0);
  t.deepEqual(wrongs, []);
});

test.serial('a page of 20,000 records opens, scrolls and zooms', async (t) => {
  const found = await opened(t, manySpans(10_000));
  if (found === undefined) return;
  const { page, wrongs } = found;
  const grid = page.getByRole('treegrid');
  await grid.focus();
  await page.keyboard.press('End');
  await page.waitForFunction(() =>
    document.querySelector('.row.active .name')?.textContent?.includes('9999'),
  );
  t.true((await page.locator('.row').count()) < 100);
  await page.keyboard.press('z');
  await page.keyboard.press('0');
  await page.locator('.timeline input[type=search]').fill('step 5000');
  await page.waitForFunction(() => document.querySelectorAll('.row.span').length === 2);
  t.deepEqual(wrongs, []);
});

test.serial(
  'the page without data is at most 150 kB, and a page of 1,024 records in proportion to what they say',
  (t) => {
    t.true(renderReport(readDiagnosticsSync(empty)).length <= 150_000);
    const pool = manySpans(512);
    const content = readDiagnosticsSync(pool);
    const size = Buffer.byteLength(renderReport(content, { records: decodeRecords(pool) }));
    t.true(size <= 150_000 + 0.6 * JSON.stringify(content.diagnostics).length, `${size} bytes`);
  },
);

test.serial(
  'a page is made of what readDiagnostics, lastBoot and timeline return, and of nothing else',
  (t) => {
    t.throws(() => renderReport(undefined as never), { code: 'ERR_KVP_INVALID_OPTION' });
    t.throws(() => renderReport({} as never), {
      message: /^source must be what readDiagnostics\(\), lastBoot\(\) or timeline\(\) returned/,
    });
  },
);
