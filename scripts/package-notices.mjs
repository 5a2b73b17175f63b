import { readFileSync } from 'node:fs';

/** The licences of the packages whose files these are, each below a line that begins with `whose`. */
export function packageNotices(whose, files) {
  const packages = files.map((file) => /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]);
  return [...new Set(packages)]
    .filter((name) => name !== undefined)
    .map((name) => `${whose} parts of ${name}:\n\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8')}`)
    .join('\n');
}
