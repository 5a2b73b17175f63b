#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { addDump } from './dump.ts';
import { addGlobalOptions } from './options.ts';
import { complain, keepQuiet } from './output.ts';
import { addShow } from './show.ts';

/** The exit codes that scripts for azure-init's tool rely on. */
const USAGE = 2;
const FAILED = 3;

function commandLine(): Command {
  const program = new Command('kvp')
    .description("Read the Hyper-V KVP pools, where an Azure VM's host reads how provisioning went.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) =>
        write(
          `${text
            .trim()
            .replace(/^error: /, '')
            .replaceAll('\n', ' ')}\n`,
        ),
    });
  addGlobalOptions(program);
  addDump(program);
  addShow(program);
  return program;
}

keepQuiet();
try {
  await commandLine().parseAsync();
} catch (thrown) {
  if (!(thrown instanceof CommanderError)) complain(thrown);
  process.exitCode = !(thrown instanceof CommanderError) ? FAILED : thrown.exitCode === 0 ? 0 : USAGE;
}
