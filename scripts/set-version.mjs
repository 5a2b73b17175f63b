// Sets the version of all that has one: `npm run set-version 1.2.3`.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { run } from './tools.mjs';

const [version = ''] = process.argv.slice(2);
if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)) {
  console.error(`not a version: ${JSON.stringify(version)}; 1.2.3 or 1.2.3-beta.1 is`);
  process.exit(2);
}
for (const name of readdirSync('npm'))
  change(`npm/${name}/package.json`, /"version": "[^"]*"/, `"version": "${version}"`);
change('Cargo.toml', /^version = "[^"]*"/m, `version = "${version}"`);
change('src/version.ts', /VERSION = '[^']*'/, `VERSION = '${version}'`);
run('npm', ['version', version, '--no-git-tag-version', '--allow-same-version']);
run('cargo', ['update', '--workspace', '--quiet']);

function change(path, place, text) {
  const before = readFileSync(path, 'utf8');
  if (!place.test(before)) throw new Error(`${path} has no version`);
  writeFileSync(path, before.replace(place, text));
}
