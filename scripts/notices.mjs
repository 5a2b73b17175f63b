import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { output } from './tools.mjs';

/** The licences of the crates that are linked into the native core of a target, as text. */
export function notices(target) {
  const { packages } = JSON.parse(
    output('cargo', ['metadata', '--format-version', '1', '--locked', '--filter-platform', target]),
  );
  const tree = ['tree', '--locked', '--package', 'kvp-binding', '--target', target];
  const linked = output('cargo', [
    ...tree,
    '--edges',
    'normal,no-proc-macro',
    '--prefix',
    'none',
    '--format',
    '{p}',
  ]);
  const names = new Set(linked.split('\n').map((line) => line.split(' ').slice(0, 2).join(' ')));
  return packages
    .filter(({ name, version, source }) => source !== null && names.has(`${name} v${version}`))
    .map(
      (crate) =>
        `${crate.name} ${crate.version} (${crate.license}) by ${crate.authors.join(', ')}\n\n${licence(crate)}`,
    )
    .join('\n\n');
}

/** The texts of a crate's licence; of one that has no such file its name, which stands above, has to do. */
function licence({ license_file: file, manifest_path: manifest }) {
  const folder = dirname(manifest);
  const files = readdirSync(folder)
    .filter((each) => /^(?:licen[cs]e|copying|notice|copyright)/i.test(each))
    .sort();
  if (file !== null && !files.includes(file)) files.push(file);
  return files.map((each) => readFileSync(join(folder, each), 'utf8').trim()).join('\n\n');
}
