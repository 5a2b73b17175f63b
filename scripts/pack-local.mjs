// Leaves the tarballs of the package and of this machine's platform package in artifacts/.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { run } from './tools.mjs';

run('node', ['scripts/build.mjs']);
rmSync('artifacts', { recursive: true, force: true });
mkdirSync('artifacts');
run('npm', ['pack', '--silent', '--pack-destination', 'artifacts']);
for (const binary of readdirSync('.').filter((name) => name.endsWith('.node'))) {
  const folder = `npm/${basename(binary, '.node').split('.')[1]}`;
  if (!existsSync(folder)) throw new Error(`${folder} is missing: npx napi create-npm-dirs`);
  copyFileSync(binary, `${folder}/${binary}`);
  run('npm', ['pack', '--silent', '--pack-destination', 'artifacts', `./${folder}`]);
}
