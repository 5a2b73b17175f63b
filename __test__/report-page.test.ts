import test from 'ava';
import { closeBrowser } from './helpers/chromium.ts';
import { failedPool } from './helpers/failed-provisioning.ts';
import { names, opened } from './helpers/report-page.ts';

test.after.always(closeBrowser);

test.serial(
  'a provisioning that failed opens on the answer: outcome, reason, what failed first and why, where the time went',
  async (t) => {
    const found = await opened(t, failedPool());
    if (found === undefined) return;
    const { page, wrongs } = found;
    t.is(await page.title(), 'Failed: the pool');
    t.regex(await page.locator('h1').innerText(), /Provisioning failed\s+no lease on eth0 after 3 attempts/);
    const cards = await page.locator('.cards').innerText();
    for (const text of [
      '23.70 s',
      'ended 31.80 s after the kernel started',
      'dhcp: no answer in 4 s',
      'because: EAGAIN: link is down',
      'dhcp × 3',
      '12.00 s',
    ]) {
      t.true(cards.includes(text), text);
    }
    t.regex(await page.locator('.report').innerText(), /error: no lease on eth0 after 3 attempts/);
    t.deepEqual(wrongs, []);
  },
);

test.serial('the waterfall has all agents on one axis, with kernel and userspace', async (t) => {
  const found = await opened(t, failedPool());
  if (found === undefined) return;
  const { page, wrongs } = found;
  t.deepEqual(await page.locator('.row.lane bdi').allTextContents(), [
    'cloud-init',
    'azure-init-0.1.1',
    'contoso-agent/2.3.0',
  ]);
  t.deepEqual(await page.locator('.row.phase .text').allTextContents(), ['kernel', 'userspace']);
  t.deepEqual(await names(page), [
    'init-local',
    'init-local/search-AzureLocal',
    'azure-ds/obtain_lease',
    'azure-ds/get_metadata_from_imds',
    'provision_user',
    'configure_ssh_keys',
    'provision',
    'network',
    'dhcp',
    'dhcp',
    'dhcp',
    'tidy_up',
  ]);
  t.deepEqual(wrongs, []);
});

test.serial(
  'a search keeps the spans that match and what they are in, and Enter goes from one to the next',
  async (t) => {
    const found = await opened(t, failedPool());
    if (found === undefined) return;
    const { page, wrongs } = found;
    await page.keyboard.press('/');
    await page.keyboard.type('no carrier');
    t.deepEqual(await names(page), ['provision', 'network', 'dhcp']);
    t.is(await page.locator('.matches').innerText(), '1 of 12 spans');
    await page.keyboard.press('Enter');
    t.regex(await page.locator('.details').innerText(), /ETIMEDOUT: recvfrom/);
    t.true(page.url().endsWith('#span-10'));
    t.deepEqual(wrongs, []);
  },
);

test.serial('spans are filtered by agent, level and result', async (t) => {
  const found = await opened(t, failedPool());
  if (found === undefined) return;
  const { page, wrongs } = found;
  await page.selectOption('select[aria-label="Result"]', 'fail');
  t.deepEqual(await names(page), ['provision', 'network', 'dhcp', 'dhcp', 'dhcp']);
  await page.selectOption('select[aria-label="Result"]', '');
  await page.selectOption('select[aria-label="Level"]', 'ERROR');
  t.deepEqual(await names(page), ['provision', 'network']);
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.locator('.menu summary').click();
  await page.locator('.menu label', { hasText: 'contoso' }).click();
  t.deepEqual(await page.locator('.row.lane bdi').allTextContents(), ['cloud-init', 'azure-init-0.1.1']);
  t.deepEqual(wrongs, []);
});

test.serial('keys open and close spans, zoom, and show details', async (t) => {
  const found = await opened(t, failedPool());
  if (found === undefined) return;
  const { page, wrongs } = found;
  const grid = page.getByRole('treegrid');
  await grid.focus();
  await page.keyboard.press('f');
  t.regex(
    await page.locator('.readout').innerText(),
    /^provision 15\.80 s, 50 % of the boot.*failed: no lease/,
  );
  await page.keyboard.press('ArrowLeft');
  t.false((await names(page)).includes('network'));
  await page.keyboard.press('ArrowRight');
  t.true((await names(page)).includes('network'));
  const before = await page.locator('.axis text').allTextContents();
  await page.keyboard.press('z');
  t.notDeepEqual(await page.locator('.axis text').allTextContents(), before);
  await page.keyboard.press('0');
  t.deepEqual(await page.locator('.axis text').allTextContents(), before);
  await page.keyboard.press('Enter');
  t.is(await page.locator('.details h3').innerText(), 'provision');
  await page.keyboard.press('Escape');
  t.is(await page.locator('.details').count(), 0);
  t.deepEqual(wrongs, []);
});

test.serial(
  'what the answer names leads to its span, and closing the details gives the keys back to the spans',
  async (t) => {
    const found = await opened(t, failedPool());
    if (found === undefined) return;
    const { page, wrongs } = found;
    await page.locator('.card.failure a').click();
    t.is(await page.locator('.details h3').innerText(), 'dhcp');
    t.is(await page.locator('.row.selected').count(), 1);
    await page.getByRole('button', { name: 'Close the details' }).click();
    t.is(await page.locator('.details').count(), 0);
    await page.keyboard.press('ArrowUp');
    t.true((await page.locator('.row.active').innerText()).startsWith('network'));
    t.deepEqual(wrongs, []);
  },
);

test.serial('a drag and the wheel zoom, and a double click shows the whole boot', async (t) => {
  const found = await opened(t, failedPool());
  if (found === undefined) return;
  const { page, wrongs } = found;
  const axis = (): Promise<string[]> => page.locator('.axis text').allTextContents();
  const whole = await axis();
  const { x, y, width } = (await page.locator('.row.span .bars').first().boundingBox())!;
  await page.mouse.move(x + width * 0.5, y + 5);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.6, y + 5, { steps: 4 });
  t.is(await page.locator('.chosen').count(), 1);
  await page.mouse.up();
  t.is(await page.locator('.chosen').count(), 0);
  const dragged = await axis();
  t.notDeepEqual(dragged, whole);
  t.is(await page.locator('.details').count(), 0, 'a drag is no click');
  await page.mouse.dblclick(x + width * 0.9, y - 20);
  t.deepEqual(await axis(), whole);
  await page.mouse.move(x + width * 0.5, y + 5);
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, -500);
  await page.keyboard.up('Control');
  await page.waitForFunction(
    (first) => document.querySelector('.axis')?.textContent !== first,
    whole.join(''),
  );
  t.deepEqual(wrongs, []);
});

test.serial(
  'a click shows fields, causes and raw records of a span, and copies it as JSON and as a link that works',
  async (t) => {
    const found = await opened(t, failedPool());
    if (found === undefined) return;
    const { page, wrongs } = found;
    await page.locator('.row.span', { hasText: 'dhcp' }).last().click();
    const details = page.locator('.details');
    await details.locator('summary').click();
    const text = await details.innerText();
    for (const part of [
      'no answer in 4 s',
      'ETIMEDOUT: recvfrom',
      'link eth0 has no carrier',
      'attempt',
      'WARN',
      'record ',
      'DIAG|contoso-agent/2.3.0|',
    ]) {
      t.true(text.includes(part), part);
    }
    const copied = (): Promise<string> => page.evaluate(() => navigator.clipboard.readText());
    await page.getByRole('button', { name: 'Copy as JSON' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    t.like(JSON.parse(await copied()), {
      name: 'dhcp',
      agent: 'contoso-agent/2.3.0',
      result: 'fail',
      seconds: 4.000213,
    });
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes('#span-'));
    const link = await copied();
    await page.goto('about:blank');
    await page.goto(link);
    await page.waitForSelector('.details');
    t.is(await page.locator('.details .why').innerText(), 'no answer in 4 s');
    t.deepEqual(wrongs, []);
  },
);
