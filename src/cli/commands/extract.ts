import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { type StoredFile, storedFiles } from '../../diagnostics/summary/stored-files.ts';
import { examples, explain } from '../examples.ts';
import { fileNames } from '../file-names.ts';
import { type GlobalOptions, namesPool } from '../global-options.ts';
import { type Input, inputsOf, POOL_FILE } from '../input.ts';
import { isTerminal, outputWidth, print, printError, printJson, printNote } from '../output.ts';
import { table } from '../table.ts';
import { writeFiles } from '../write-files.ts';

interface ExtractOptions extends GlobalOptions {
  outputDir?: string;
  force?: boolean;
}

/** A file of a pool, and what it is called outside. */
interface NamedFile {
  readonly file: string;
  readonly stored: StoredFile;
}

/** What is asked for. */
interface Chosen {
  /** Absent for all files. */
  readonly name: string | undefined;
  readonly input: Input;
  /** All files that lie in it. */
  readonly files: readonly NamedFile[];
}

/** `kvp extract` lists the files that lie in a pool, or writes one or all of them. */
export function extract(command: Command): void {
  command
    .argument('[NAME]', 'write the files of this name')
    .argument('[FILE]', `${POOL_FILE}; - is the standard input; instead of --pool and --dir`)
    .option('-o, --output-dir <DIR>', 'where to write; without NAME all files are written')
    .option('--force', 'replace files that are there');
  explain(
    command,
    `Without NAME and -o the files are listed: size in bytes, kind, name. Kinds: artifact (of diagnostics(pool)), text (a
line that may be an artifact or a message), log (compressed by cloud-init), traceback (of a provisioning report).
One argument is a NAME, or a FILE if there is no file of that name in the pool. Two files of one name get numbers.
With --json the list has name, file (its name outside), kind, size, agent, time, records, and path if it was written.`,
  );
  examples(command, [
    ['kvp extract', 'what lies in the pool of this VM'],
    ['kvp extract cloud-init.log', 'write it into this folder'],
    ['kvp extract -o logs', 'write all into the folder logs'],
    ['kvp extract mkfs.log pool -o logs', 'one file of a pool that was copied from a VM'],
  ]).action(async (...given: [name?: string, path?: string]) => {
    const options = command.optsWithGlobals<ExtractOptions>();
    const { name, input, files: all } = await chosen(given.slice(0, 2) as typeof given, command);
    const files =
      name === undefined ? all : all.filter(({ file, stored }) => file === name || stored.name === name);
    noteProblems(input, options);
    if (name !== undefined && files.length === 0) {
      process.exitCode = 1;
      return printError(
        `there is no file ${JSON.stringify(name)} in ${input.path}; kvp extract lists those there are`,
      );
    }
    if (name === undefined && options.outputDir === undefined) return list(files, input, options);
    const bytes = files.map(({ file, stored }) => ({ name: file, bytes: stored.bytes }));
    const paths = writeFiles(options.outputDir ?? '.', bytes, options.force === true);
    if (options.json) return printJson(files.map((file, index) => ({ ...jsonOf(file), path: paths[index] })));
    return print(paths.map((path) => `${path}\n`).join(''));
  });
}

/** The name that is asked for, and where: one argument is a name first, because a file may have been extracted here before. */
async function chosen([name, path]: [name?: string, path?: string], command: Command): Promise<Chosen> {
  const read = async (called: string | undefined, paths: string[]): Promise<Chosen> => {
    const [input] = (await inputsOf(paths, command)) as [Input];
    return { name: called, input, files: filesOf(input) };
  };
  if (path !== undefined) return read(name, [path]);
  if (name === '-') return read(undefined, ['-']);
  if (name === undefined || namesPool(command) || !existsSync(name)) return read(name, []);
  let here: Chosen | undefined;
  try {
    here = await read(name, []);
  } catch {
    // The pool of this system is not asked for.
  }
  const isName = here?.files.some(({ file, stored }) => [file, stored.name].includes(name)) === true;
  return isName ? (here as Chosen) : read(undefined, [name]);
}

function filesOf(input: Input): NamedFile[] {
  const stored = storedFiles(input.content);
  const names = fileNames(stored.map(({ name }) => name));
  return stored.map((each, index) => ({ file: names[index] as string, stored: each }));
}

async function list(files: readonly NamedFile[], input: Input, options: ExtractOptions): Promise<void> {
  if (options.json) return printJson(files.map(jsonOf));
  if (files.length === 0) return printNote(`no files lie in ${input.path}`, options);
  const rows = files.map(({ file, stored: { bytes, kind } }) => [String(bytes.length), kind, file]);
  if (!isTerminal()) return print(rows.map((row) => `${row.join(' ')}\n`).join(''));
  const columns = [
    { title: 'SIZE', align: 'right', whole: true },
    { title: 'KIND', whole: true },
  ] as const;
  return print(table([...columns, { title: 'NAME' }], rows, outputWidth()));
}

function jsonOf({ file, stored: { name, kind, bytes, agent, time, records } }: NamedFile): object {
  return { name, file, kind, size: bytes.length, agent, time, records };
}

/** Says what may be missing. */
function noteProblems({ content: { problems } }: Input, options: GlobalOptions): void {
  const [first] = problems;
  if (first === undefined) return;
  const count = problems.length === 1 ? 'one payload' : `${problems.length} payloads`;
  printNote(`${count} can't be read, which kvp show names; the first: ${first.message}`, options);
}
