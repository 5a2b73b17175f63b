/** How files begin that are compressed, and the programs that print what is in them. */
const PROGRAMS: readonly (readonly [start: string, kind: string, program: string])[] = [
  ['1f8b', 'gzip', 'zcat'],
  ['28b52ffd', 'zstd', 'zstdcat'],
  ['fd377a585a00', 'xz', 'xzcat'],
  ['425a68', 'bzip2', 'bzcat'],
  ['504b0304', 'zip', 'unzip -p'],
];

/** By what bytes are compressed, and the program that prints what is in them; `undefined` if they are not. */
export function compressionOf(bytes: Buffer): { kind: string; program: string } | undefined {
  const start = bytes.toString('hex', 0, 6);
  const [, kind, program] = PROGRAMS.find(([magic]) => start.startsWith(magic)) ?? [];
  return kind === undefined || program === undefined ? undefined : { kind, program };
}
