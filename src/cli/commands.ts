import type { Command } from 'commander';

/** A command that the help lists. Its file is loaded when it is called, or its own help is asked for. */
export interface CommandEntry {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Adds arguments, options, examples and the action to the command. */
  readonly load: () => Promise<(command: Command) => void>;
}

/** All commands, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'show',
    summary: 'show what happened: outcome, reason, and the tree of spans',
    load: async () => (await import('./commands/show.ts')).show,
  },
  {
    name: 'blame',
    summary: 'list the spans by the time that was their own, most first',
    load: async () => (await import('./commands/blame.ts')).blame,
  },
  {
    name: 'critical-chain',
    summary: 'show the spans that the end had to wait for',
    load: async () => (await import('./commands/critical-chain.ts')).criticalChain,
  },
  {
    name: 'compare',
    summary: 'compare two boots: what got slower or faster, is new, missing, failed or fixed',
    load: async () => (await import('./commands/compare.ts')).compare,
  },
  {
    name: 'log',
    summary: 'print what happened as lines, and follow it',
    load: async () => (await import('./commands/log.ts')).log,
  },
  {
    name: 'doctor',
    summary: 'say what is wrong on this VM and what to do',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'dump',
    summary: 'print every record in the order of the file',
    load: async () => (await import('./commands/dump.ts')).dump,
  },
];
