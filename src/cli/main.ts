#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { messageOf } from '../errors.ts';
import { VERSION } from '../version.ts';
import { addDumpCommand } from './dump.ts';
import { addGlobalOptions } from './global-options.ts';
import { printError, ignoreWriteErrors } from './output.ts';
import { addShowCommand } from './show.ts';

/** Exit codes, the same as those of azure-init's tool. */
const USAGE_ERROR = 2;
const FAILURE = 3;

function commandLine(): Command {
  const program = new Command('kvp')
    .description("Read the Hyper-V KVP pools, where an Azure VM's host reads how provisioning went.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(`${messageOf(text.trim().replace(/^error: /, ''))}\n`),
    });
  addGlobalOptions(program);
  addDumpCommand(program);
  addShowCommand(program);
  return program;
}

ignoreWriteErrors();
try {
  await commandLine().parseAsync();
} catch (thrown) {
  if (!(thrown instanceof CommanderError)) printError(thrown);
  process.exitCode = !(thrown instanceof CommanderError) ? FAILURE : thrown.exitCode === 0 ? 0 : USAGE_ERROR;
}
