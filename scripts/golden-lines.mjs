// Makes the golden lines of __test__/fixtures/lines anew, by tracing-subscriber itself.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const oracle = '__test__/fixtures/lines-oracle';
const folder = '__test__/fixtures/lines';
const run = (program, ...args) => execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });

const manifest = ['--manifest-path', `${oracle}/Cargo.toml`, '--target-dir', 'target/lines-oracle'];
const golden = JSON.parse(run('cargo', 'run', '--quiet', '--locked', ...manifest));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
for (const [name, text] of Object.entries(golden)) {
  // What durations come to is another one each time.
  writeFileSync(`${folder}/${name}.txt`, text.replaceAll(/(?<![\d.])[\d.]+(ns|µs|ms|s)(?![a-z])/g, 'TIME'));
}

const locked = readFileSync(`${oracle}/Cargo.lock`, 'utf8');
const versionOf = (crate) => new RegExp(`name = "${crate}"\nversion = "(.+)"`).exec(locked)?.[1];
const versions = ['tracing-subscriber', 'tracing'].map((crate) => `${crate} ${versionOf(crate)}`);
writeFileSync(`${folder}/made-by`, `${[...versions, run('rustc', '--version').trim()].join('\n')}\n`);
