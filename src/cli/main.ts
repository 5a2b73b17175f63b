#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { messageOf } from '../errors.ts';
import { VERSION } from '../version.ts';
import { COMMANDS } from './commands.ts';
import { addGlobalOptions, type GlobalOptions } from './global-options.ts';
import { ignoreWriteErrors, printError } from './output.ts';

/** Exit codes, the same as those of azure-init's tool; 1 says that something is missing, or not stale. */
const USAGE_ERROR = 2;
const FAILURE = 3;

const program = commandLine();
ignoreWriteErrors();
try {
  await program.parseAsync();
} catch (thrown) {
  if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? 0 : USAGE_ERROR;
  else {
    printError(thrown, program.opts<GlobalOptions>().debug);
    process.exitCode = FAILURE;
  }
}

function commandLine(): Command {
  const kvp = new Command('kvp')
    .description("Read the Hyper-V KVP pools, where an Azure VM's host reads how provisioning went.")
    .usage('[options] <command>')
    .version(VERSION)
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`${messageOf(text.trim().replace(/^error: /, ''))}\n`),
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

/** Gives a command its arguments, options and action. */
async function define(command: Command): Promise<void> {
  const entry = COMMANDS.find(({ name }) => name === command.name());
  (await entry?.load())?.(command);
}
