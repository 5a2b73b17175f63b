import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { failedPool } from './helpers/failed-provisioning.ts';
import { failed, kvp, kvpInShell, says, wrong } from './helpers/kvp.ts';
import { folderOf } from './helpers/pool-folder.ts';

/** A folder with a pool, and a path for its page. */
function places(t: ExecutionContext): { folder: string; pool: string; page: string } {
  const folder = folderOf(t);
  const pool = join(folder, 'pool');
  writeFileSync(pool, failedPool());
  return { folder, pool, page: join(folder, 'report.html') };
}

const isPage = (html: string): boolean => /^<!doctype html>\n[^]*<\/html>\n$/.test(html);

test('show --html writes one file that only its owner may read, and says where', (t) => {
  const { folder, pool, page } = places(t);
  t.deepEqual(kvp(['show', pool, '--html', page]), says(`${page}\n`));
  t.is(statSync(page).mode & 0o777, 0o600);
  t.true(isPage(readFileSync(page, 'utf8')));
  t.deepEqual(readdirSync(folder).sort(), ['pool', 'report.html']);
});

test('the page allows no script and no style but its own, and names nothing that lies elsewhere', (t) => {
  const { pool } = places(t);
  const { stdout } = kvp(['show', pool, '--html', '-']);
  const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(stdout) ?? [];
  t.regex(
    policy,
    /^default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'$/,
  );
  t.notRegex(stdout, / style=| src=| href="(?!#)|url\((?!#)|@import|sourceMappingURL/);
});

test('compare --html lays two boots over one another in one file', (t) => {
  const { pool, page } = places(t);
  t.deepEqual(kvp(['compare', pool, pool, '--html', page]), says(`${page}\n`));
  t.regex(readFileSync(page, 'utf8'), /Before, in/);
});

test('a page that is there stays as it is, unless --force is given', (t) => {
  const { pool, page } = places(t);
  writeFileSync(page, 'mine');
  t.deepEqual(
    kvp(['show', pool, '--html', page]),
    failed(`${page} is there already; nothing was written. Give another path, or --force to replace it`),
  );
  t.is(readFileSync(page, 'utf8'), 'mine');
  t.deepEqual(kvp(['show', pool, '--html', page, '--force']), says(`${page}\n`));
  t.true(isPage(readFileSync(page, 'utf8')));
});

test('a link at the place of the page is never followed', (t) => {
  const { folder, pool, page } = places(t);
  const target = join(folder, 'target');
  writeFileSync(target, 'mine');
  symlinkSync(target, page);
  t.is(kvp(['show', pool, '--html', page]).status, 3);
  t.is(kvp(['show', pool, '--html', page, '--force']).status, 0);
  t.is(readFileSync(target, 'utf8'), 'mine');
  t.false(statSync(page).isSymbolicLink());
  const dangling = join(folder, 'dangling');
  symlinkSync(join(folder, 'nowhere'), dangling);
  t.is(kvp(['show', pool, '--html', dangling]).status, 3);
  t.false(existsSync(join(folder, 'nowhere')));
});

test('a place that can not be written to is said in one line', (t) => {
  const { folder, pool } = places(t);
  t.deepEqual(
    kvp(['show', pool, '--html', folder]),
    failed(`${folder} is a folder; nothing was written. Give another path`),
  );
  const missing = join(folder, 'missing', 'report.html');
  const { status, stderr } = kvp(['show', pool, '--html', missing]);
  t.is(status, 3);
  t.regex(stderr, /^[^\n]*missing[^\n]*ENOENT[^\n]*\n$/);
  t.false(existsSync(join(folder, 'missing')));
});

test('what can not be told together is refused', (t) => {
  const { pool, page } = places(t);
  t.deepEqual(kvp(['show', pool, '--html', page, '--json']), wrong('--html and --json exclude each other'));
  t.deepEqual(kvp(['show', pool, '--force']), wrong('--force is for --html'));
  t.deepEqual(kvp(['show', pool, '--html', '']), wrong('--html needs the path of a file, or -'));
  t.deepEqual(
    kvp(['show', pool, pool, '--html', page]),
    wrong('--html shows one pool; kvp compare BEFORE AFTER --html FILE shows two'),
  );
  t.false(existsSync(page));
});

test('whoever reads the page from a pipe may leave early', (t) => {
  const { pool } = places(t);
  const { status, stderr } = kvpInShell('"$0" "$@" | head -c 100 >/dev/null', ['show', pool, '--html', '-']);
  t.deepEqual([status, stderr], [0, '']);
});

test('a pool that is missing has a page as well, which says so', (t) => {
  const { folder } = places(t);
  mkdirSync(join(folder, 'none'));
  const { status, stdout } = kvp(['--dir', join(folder, 'none'), 'show', '--html', '-']);
  t.is(status, 0);
  t.regex(stdout, /there is no record in/);
});
