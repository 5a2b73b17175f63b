// Writes docs/cli.md from the commands of the built command line. With `--check` it writes nothing and fails on a change.
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { COMMANDS } from '../dist/cli/commands.js';
import { commandLine, define } from '../dist/cli/program.js';

const FILE = 'docs/cli.md';

const START = `# The command line

\`kvp\` (\`npx kvp-tracing\`) shows what a pool says of a provisioning, and reads and changes its records. It takes the place of azure-init's \`libazureinit-kvp\`: the commands that both have, their output in a pipe and their exit codes are the same.

This page is made from the commands themselves by \`npm run cli-docs\`.

## Everywhere

Where stdout is no terminal, output is for scripts: stable, without colors, and not fitted to a width unless \`COLUMNS\` is set. On a terminal it is fitted to its width, and what would control the terminal is escaped. \`NO_COLOR\` and \`FORCE_COLOR\` say whether there are colors, \`--no-color\` above both. With \`--json\` a command prints one document. Whoever reads the output may leave early.

| exit code | meaning |
| --- | --- |
| 0 | done; also when what is shown is a boot that failed |
| 1 | a command has no answer, as its section says |
| 2 | wrong usage; one line on stderr says what is wrong |
| 3 | a file can't be read or written, or is no pool; one line on stderr says why, with \`--debug\` and a stack |
`;

/** A cell of a table. */
function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
}

function code(text) {
  return `\`${text.replaceAll('|', '\\|')}\``;
}

function table(titles, rows) {
  return [titles, titles.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function optionTable(help, options) {
  const rows = options.map((option) => [code(option.flags), cell(help.optionDescription(option))]);
  return table(['option', 'meaning'], rows);
}

/** What a command adds below its options: paragraphs, and examples. */
function below(command) {
  const texts = [];
  command.emit('afterHelp', { error: false, command, write: (text) => texts.push(text) });
  return texts.map((text) => {
    const [, examples] = /^\nExamples:\n([^]*)$/.exec(text.trimEnd()) ?? [];
    if (examples === undefined) return text.trim().replaceAll('<', '&lt;');
    return `\`\`\`text\n${examples.replace(/^ {2}/gm, '')}\n\`\`\``;
  });
}

function section(help, command, { name, summary, exitsWith1 }) {
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  const args = help.visibleArguments(command);
  return [
    `## kvp ${name}`,
    `${summary[0].toUpperCase()}${summary.slice(1)}.`,
    `\`\`\`text\n${help.commandUsage(command)}\n\`\`\``,
    args.length > 0 &&
      table(
        ['argument', 'meaning'],
        args.map((arg) => [code(help.argumentTerm(arg)), cell(help.argumentDescription(arg))]),
      ),
    options.length > 0 && optionTable(help, options),
    ...below(command),
    exitsWith1 !== undefined && `Exit code 1: ${exitsWith1}.`,
  ].filter((part) => part !== false);
}

const program = commandLine(() => {});
const help = program.createHelp();
const parts = [START, '### Options of every command', optionTable(help, help.visibleOptions(program))];
for (const entry of COMMANDS) {
  const command = program.commands.find((each) => each.name() === entry.name);
  await define(command);
  parts.push(...section(help, command, entry));
}
const text = await format(parts.join('\n\n'), { ...(await resolveConfig(FILE)), filepath: FILE });
if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error(`${FILE} is not what the commands say: npm run cli-docs writes it anew.`);
  process.exitCode = 1;
}
