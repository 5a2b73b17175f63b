import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { ROOT } from './helpers/programs.ts';

const root = fileURLToPath(ROOT);

/** The files of a folder with this ending, by their paths in the project. */
function filesOf(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(
      (name) => name.endsWith(ending) && !/(?:^|\/)(?:node_modules|\.vitepress|reference\/api)\//.test(name),
    )
    .map((name) => join(folder, name));
}

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'examples/README.md',
  ...filesOf('docs', '.md'),
];

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** A page's text without what only looks like its own: code and comments. */
const proseOf = (path: string): string =>
  read(path)
    .replaceAll(/^ *```.*?^ *```$/gms, '')
    .replaceAll(/<!--.*?-->/gs, '');

/** The names by which a page's headings are reached, as GitHub makes them. */
function anchorsOf(path: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of proseOf(path).matchAll(/^#+ (.+)$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    let name = anchor;
    for (let count = 1; anchors.has(name); count++) name = `${anchor}-${count}`;
    anchors.add(name);
  }
  return anchors;
}

test('every link of a page leads to a file and a heading that there are', (t) => {
  for (const page of PAGES) {
    const links = [
      ...proseOf(page)
        .replaceAll(/`[^`\n]*`/g, '')
        .matchAll(/\]\(([^)\s]+)\)|<img[^>]* src="([^"]+)"/g),
    ];
    for (const link of links.map(([, target, image]) => target ?? image ?? '')) {
      if (/^https?:/.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      t.true(existsSync(join(root, file)), `${page} links to ${link}`);
      if (anchor !== undefined && existsSync(join(root, file)))
        t.true(anchorsOf(file).has(anchor), `${page} links to ${link}: no such heading`);
    }
  }
});

test('every page that is named in the sources, the tests and the scripts is there', (t) => {
  const sources = [
    ...filesOf('src', '.ts'),
    ...filesOf('__test__', '.ts'),
    ...filesOf('examples', '.ts'),
    ...filesOf('scripts', '.mjs'),
    ...filesOf('crates', '.rs'),
    'CHANGELOG.md',
    'CONTRIBUTING.md',
  ];
  for (const source of sources) {
    for (const [, page = '', anchor] of read(source).matchAll(
      /(?<![\w.])(docs\/[\w/-]+\.md)(?:#([\w-]+))?/g,
    )) {
      t.true(existsSync(join(root, page)), `${source} names ${page}`);
      if (anchor !== undefined && existsSync(join(root, page)))
        t.true(anchorsOf(page).has(anchor), `${source} names ${page}#${anchor}: no such heading`);
    }
  }
});

test('what is packed links to the repository, where its pages are', (t) => {
  const program = `import { absoluteLinks } from './scripts/absolute-links.mjs';
    import { readFileSync } from 'node:fs';
    for (const page of ['README.md', 'CHANGELOG.md'])
      console.log(absoluteLinks(readFileSync(page, 'utf8'), 'https://repository', 'https://raw'));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
  });
  const links = [...stdout.matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset)="([^"]+)"/g)].map(
    ([, page, image]) => page ?? image,
  );
  t.true(links.length > 20);
  t.deepEqual(
    links.filter((link) => !/^(?:https:|#)/.test(link ?? '')),
    [],
  );
  t.true(links.includes('https://repository/blob/main/docs/guides/agent.md'));
  t.true(links.includes('https://raw/main/docs/report.png'));
});

test("every page is in the site's sidebar", (t) => {
  const config = read('docs/.vitepress/config.mjs');
  for (const page of filesOf('docs', '.md')) {
    const name = page.slice('docs/'.length, -'.md'.length);
    if (!/^(?:api\/|README$)/.test(name)) t.true(config.includes(`'${name}')`), name);
  }
});

test('every page is reached from docs/README.md', (t) => {
  const reached = new Set(['docs/README.md']);
  for (const page of reached) {
    for (const [, link = ''] of proseOf(page).matchAll(/\]\(([^)\s#]+\.md)(?:#[^)]*)?\)/g))
      if (!/^https?:/.test(link)) reached.add(join(dirname(page), link));
  }
  for (const page of filesOf('docs', '.md').filter((name) => !name.startsWith('docs/api/')))
    t.true(reached.has(page), `${page} is linked from nowhere`);
});

/** What a reader reads in ten minutes, at 240 words a minute. */
const WORDS = 2400;
/** Lists to look things up in, made from the sources. */
const LISTS = /^docs\/(?:api\/.*|cli\.md|reference\/messages\.md)$/;

test('no page takes longer than ten minutes to read', (t) => {
  for (const page of PAGES.filter((name) => name.startsWith('docs/') || name === 'README.md')) {
    if (LISTS.test(page)) continue;
    const words = proseOf(page).match(/[\p{L}\p{N}][\p{L}\p{N}'’._/-]*/gu)?.length ?? 0;
    t.true(words <= WORDS, `${page} has ${words} words`);
  }
});
