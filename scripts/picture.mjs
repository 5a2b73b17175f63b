// Draws docs/report.png and docs/report-dark.png, the pictures of the README: the page of a provisioning of three agents
// that failed, as it opens. Needs Debian's chromium.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDiagnosticsSync, lastBoot } from 'kvp-tracing';
import { renderReport } from 'kvp-tracing/report-page';
import { chromium } from 'playwright-core';
import { palettePng } from './palette-png.mjs';
import { failedPool } from '../__test__/helpers/failed-provisioning.ts';

const WIDTH = 1240;
const COLORS = 28;

const folder = mkdtempSync(join(tmpdir(), 'kvp-picture-'));
const page = join(folder, 'report.html');
const boot = lastBoot(readDiagnosticsSync(failedPool()));
writeFileSync(page, renderReport(boot, { title: '.kvp_pool_1 of contoso-vm-17' }));
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  for (const [theme, name] of [
    ['light', 'report'],
    ['dark', 'report-dark'],
  ]) {
    const viewport = { width: WIDTH, height: 1600 };
    const opened = await browser.newPage({ viewport, colorScheme: theme, deviceScaleFactor: 1.25 });
    await opened.goto(`file://${page}`);
    await opened.waitForSelector('html[data-ready]', { state: 'attached' });
    const { y, height: end } = await opened.locator('.waterfall').boundingBox();
    const picture = await opened.screenshot({ clip: { x: 0, y: 0, width: WIDTH, height: y + end } });
    await opened.goto('about:blank');
    const { width, height, pixels } = await opened.evaluate(pixelsOf, picture.toString('base64'));
    writeFileSync(`docs/${name}.png`, palettePng(Buffer.from(pixels, 'base64'), width, height, COLORS));
    await opened.close();
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}

/** Runs in the browser, which can read its pictures. */
async function pixelsOf(png) {
  const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  let binary = '';
  for (const byte of context.getImageData(0, 0, width, height).data) binary += String.fromCharCode(byte);
  return { width, height, pixels: btoa(binary) };
}
