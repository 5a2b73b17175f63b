import { Command } from 'commander';
import { messageOf } from '../errors.ts';
import { VERSION } from '../version.ts';
import { COMMANDS } from './commands.ts';
import { addGlobalOptions, refuseRepeats } from './global-options.ts';
import { outputWidth, writeError } from './output.ts';

/** The program with all its commands. `write` gets what is asked of the program itself: a help or the version. */
export function commandLine(write: (text: string) => void): Command {
  const kvp = new Command('kvp')
    .description(
      "Read and change the Hyper-V KVP pools, where an Azure VM's host reads how provisioning went.",
    )
    .usage(`[options] <command>\nUsage: libazureinit-kvp [options] <command>  (by a link of that name)`)
    .version(VERSION)
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: write,
      writeErr: writeError,
      getOutHelpWidth: () => outputWidth(),
      getErrHelpWidth: () => outputWidth(),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      outputError: (text, write) => write(`${messageOf(usageProblem(text))}\n`),
    });
  addGlobalOptions(kvp);
  for (const { name, summary } of COMMANDS) kvp.command(name).summary(summary).description(summary);
  kvp.hook('preSubcommand', (_program, command) => define(command));
  kvp
    .command('help')
    .description('print the help of a command')
    .argument('[command]')
    .action(async (name: string | undefined) => {
      const command = kvp.commands.find((each) => each.name() === name);
      if (name !== undefined && command === undefined) kvp.error(`unknown command '${name}'`);
      if (command !== undefined) await define(command);
      (command ?? kvp).outputHelp();
    });
  return kvp;
}

/** What commander says is wrong, as a sentence that leads on. */
function usageProblem(text: string): string {
  const problem = text.trim().replace(/^error: /, '');
  return /^unknown command '[^']*'$/.test(problem) ? `${problem}; kvp --help lists all commands` : problem;
}

/** Gives a command its arguments, options and action. */
export async function define(command: Command): Promise<void> {
  const entry = COMMANDS.find(({ name }) => name === command.name());
  (await entry?.load())?.(command);
  refuseRepeats(command);
}
