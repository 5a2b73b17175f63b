#!/usr/bin/env node
import { CommanderError } from 'commander';
import { KvpError } from '../errors.ts';
import type { GlobalOptions } from './global-options.ts';
import { print, printError } from './output.ts';
import { commandLine } from './program.ts';

/** Exit codes, the same as those of azure-init's tool; 1 says that something is missing, or not stale. */
const USAGE_ERROR = 2;
const FAILURE = 3;

/** Codes of errors that are about what the user gave. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'ERR_KVP_INVALID_OPTION',
  'ERR_KVP_INVALID_FIELD',
  'ERR_KVP_FIELD_TOO_LONG',
  'ERR_KVP_EMPTY_KEY',
  'ERR_KVP_KEY_TOO_LONG',
  'ERR_KVP_VALUE_TOO_LONG',
  'ERR_KVP_NUL',
  'ERR_KVP_POOL_FULL',
]);

void main();

async function main(): Promise<void> {
  const texts: string[] = [];
  const program = commandLine((text) => texts.push(text));
  try {
    await program.parseAsync().finally(() => print(texts.join('')));
  } catch (thrown) {
    if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode === 0 ? 0 : USAGE_ERROR;
    else {
      printError(thrown, program.opts<GlobalOptions>().debug);
      process.exitCode = thrown instanceof KvpError && USAGE_CODES.has(thrown.code) ? USAGE_ERROR : FAILURE;
    }
  }
}
