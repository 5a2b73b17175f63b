import { hydrate, render } from 'preact';
import { Answer } from '../answer.tsx';
import type { Zone } from '../texts.ts';
import { Explorer } from './explorer.tsx';
import { breath } from './breath.ts';
import { PageData } from './page-data.ts';
import { preparePaper } from './paper.ts';
import { Settings } from './settings.tsx';
import { applyTheme, keptChoice, THEMES, ZONES } from './state.ts';

applyTheme(keptChoice('theme', THEMES));
void start();

async function start(): Promise<void> {
  const head = await PageData.head();
  let zone = keptChoice('zone', ZONES);
  const [answer, settings, explorer] = ['answer', 'settings', 'explorer'].map(
    (id) => document.getElementById(id) as HTMLElement,
  ) as [HTMLElement, HTMLElement, HTMLElement];
  let data: PageData | undefined;
  const draw = (): void => {
    render(<Answer head={head} zone={zone} />, answer);
    render(<Settings zone={zone} onZone={setZone} />, settings);
    if (data !== undefined) render(<Explorer data={data} zone={zone} onReady={onReady} />, explorer);
  };
  const setZone = (next: Zone): void => {
    zone = next;
    draw();
  };
  // What Node.js rendered is in UTC; a reader's own choice comes after it was taken over.
  hydrate(<Answer head={head} zone="utc" />, answer);
  draw();
  data = await PageData.load(head);
  await breath();
  draw();
  preparePaper();
}

function onReady(): void {
  document.documentElement.dataset['ready'] = '';
}
