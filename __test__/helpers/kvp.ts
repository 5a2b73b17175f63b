import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ROOT } from './programs.ts';

/** The built command line. */
export const PROGRAM = fileURLToPath(new URL('dist/cli/main.cjs', ROOT));

/** What a terminal of a test lacks on this machine, if anything. */
export const scriptMissing: string | undefined =
  spawnSync('script', ['--version']).status === 0 ? undefined : 'missing script: apt-get install bsdutils';

/** What a call of the command line came to. */
export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Calls the built command line with pipes, by another user if need be. */
export function kvp(args: readonly string[], input = '', uid?: number): Ended {
  const options = { encoding: 'utf8', input, maxBuffer: 2 ** 28, env: environment(), uid } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], options);
  return { status, stdout, stderr };
}

/** What a call comes to that succeeds without a word, or says something; that is used wrongly; that fails. */
export const done: Ended = { status: 0, stdout: '', stderr: '' };
export const says = (stdout: string, stderr = ''): Ended => ({ status: 0, stdout, stderr });
export const wrong = (stderr: string): Ended => ({ status: 2, stdout: '', stderr: `${stderr}\n` });
export const failed = (stderr: string): Ended => ({ status: 3, stdout: '', stderr: `${stderr}\n` });

/** Calls on the pools of one folder. */
export function onFolder(dir: string): (args: readonly string[], input?: string) => Ended {
  return (args, input) => kvp(['--dir', dir, ...args], input);
}

/** Calls the built command line by a line of a shell, which has it as `"$0" "$@"`. */
export function kvpInShell(line: string, args: readonly string[]): Ended {
  const given = ['-c', line, process.execPath, PROGRAM, ...args];
  const { status, stdout, stderr } = spawnSync('bash', given, { encoding: 'utf8', env: environment() });
  return { status, stdout, stderr };
}

/** What the built command line writes to a terminal that is so many columns wide. */
export function kvpOnTerminal(
  columns: number,
  args: readonly string[],
  more: NodeJS.ProcessEnv = {},
): string {
  const call = [process.execPath, PROGRAM, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`);
  const line = `stty cols ${columns}; ${call.join(' ')}`;
  const options = { encoding: 'utf8', input: '', env: { ...environment(), ...more } } as const;
  return spawnSync('script', ['-qec', line, '/dev/null'], options).stdout.replaceAll('\r\n', '\n');
}

/** The environment without what changes the output. */
export function environment(): NodeJS.ProcessEnv {
  const { COLUMNS: _1, NO_COLOR: _2, FORCE_COLOR: _3, ...rest } = process.env;
  return rest;
}
