import { HARMFUL } from '../printable.ts';

/** Bytes of a name; a file system takes 255, and there may be a number. */
const NAME_MAX = 200;

/**
 * Names for files that are called anything by whom nobody vouches for: the last part of a path, without what controls a
 * terminal, and neither hidden nor an option. Each is there once, however a file system compares: others get numbers.
 */
export function fileNames(given: readonly string[]): string[] {
  const taken = new Set<string>();
  const next = new Map<string, number>();
  return given.map((each) => {
    const base = baseName(each);
    const dot = base.lastIndexOf('.');
    const [stem, extension] = dot > 0 ? [base.slice(0, dot), base.slice(dot)] : [base, ''];
    let name = base;
    let number = next.get(folded(base)) ?? 1;
    for (; taken.has(folded(name)); name = `${stem}-${number}${extension}`) number++;
    next.set(folded(base), number);
    taken.add(folded(name));
    return name;
  });
}

function baseName(name: string): string {
  const last = (name.split(/[/\\]+/).findLast((part) => part !== '') ?? '').toWellFormed();
  const harmless = last
    .replace(HARMFUL, '_')
    .trim()
    .replace(/^[.\-~]/, '_');
  let bytes = 0;
  let kept = '';
  for (const character of harmless) {
    bytes += Buffer.byteLength(character);
    if (bytes > NAME_MAX) break;
    kept += character;
  }
  return kept === '' ? 'unnamed' : kept;
}

/** Names that a file system may take for the same have the same. */
function folded(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}
