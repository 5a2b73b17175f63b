import type { Command } from 'commander';

/** Adds lines to the help of a command, below its options. */
export function explain(command: Command, text: string): Command {
  return command.addHelpText('after', `\n${text}`);
}

/** Adds examples to the help of a command: what to type, and what it does. */
export function examples(
  command: Command,
  lines: readonly (readonly [line: string, what: string])[],
): Command {
  const width = Math.max(...lines.map(([line]) => line.length));
  const text = lines.map(([line, what]) => `  ${line.padEnd(width)}  ${what}`.trimEnd()).join('\n');
  return command.addHelpText('after', `\nExamples:\n${text}`);
}
