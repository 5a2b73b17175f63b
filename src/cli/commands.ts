import type { Command } from 'commander';

/** A command that the help lists. Its file is loaded when it is called, or its own help is asked for. */
export interface CommandEntry {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** What exit code 1 says; absent if the command never ends with it. */
  readonly exitsWith1?: string;
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
    name: 'extract',
    summary: 'list the files that lie in a pool, or write one or all: artifacts, logs, tracebacks',
    exitsWith1: 'there is no file of that name in the pool',
    load: async () => (await import('./commands/extract.ts')).extract,
  },
  {
    name: 'fleet',
    summary: 'list how the VMs of many pools fared: outcome, reason, time, slowest step',
    load: async () => (await import('./commands/fleet.ts')).fleet,
  },
  {
    name: 'replay',
    summary: 'send the spans of pools to an OpenTelemetry collector',
    load: async () => (await import('./commands/replay.ts')).replay,
  },
  {
    name: 'info',
    summary: 'print what is known of a pool',
    load: async () => (await import('./commands/info.ts')).info,
  },
  {
    name: 'dump',
    summary: 'print every record in the order of the file',
    load: async () => (await import('./commands/dump.ts')).dump,
  },
  {
    name: 'entries',
    summary: 'print each key with its last value, sorted by key',
    load: async () => (await import('./commands/entries.ts')).entries,
  },
  {
    name: 'read',
    summary: 'print the last value of a key',
    exitsWith1: 'there is no record with the key',
    load: async () => (await import('./commands/read.ts')).read,
  },
  {
    name: 'write',
    summary: 'set the value of a key, or append a record',
    load: async () => (await import('./commands/write.ts')).write,
  },
  {
    name: 'load',
    summary: 'replace all records by those of a file or the standard input',
    load: async () => (await import('./commands/load.ts')).load,
  },
  {
    name: 'append-multiple',
    summary: 'append the records of a file or the standard input, all or none',
    load: async () => (await import('./commands/append-multiple.ts')).appendMultiple,
  },
  {
    name: 'copy',
    summary: 'append the records of another pool, all or none',
    load: async () => (await import('./commands/copy.ts')).copy,
  },
  {
    name: 'delete',
    summary: 'remove the records of a key',
    load: async () => (await import('./commands/delete.ts')).deleteKey,
  },
  {
    name: 'delete-multiple',
    summary: 'remove the records of several keys',
    load: async () => (await import('./commands/delete.ts')).deleteMultiple,
  },
  {
    name: 'clear',
    summary: 'remove all records',
    load: async () => (await import('./commands/clear.ts')).clear,
  },
  {
    name: 'is-stale',
    summary: 'print whether the pool was last changed before this boot',
    exitsWith1: 'it was changed in this boot, or is not there',
    load: async () => (await import('./commands/is-stale.ts')).isStale,
  },
  {
    name: 'report-success',
    summary: 'report to the host that provisioning succeeded',
    load: async () => (await import('./commands/report.ts')).reportSuccess,
  },
  {
    name: 'report-failure',
    summary: 'report to the host that provisioning failed, and why',
    load: async () => (await import('./commands/report.ts')).reportFailure,
  },
  {
    name: 'inspect',
    summary: 'list the defects of a pool',
    load: async () => (await import('./commands/inspect.ts')).inspect,
  },
  {
    name: 'repair',
    summary: 'mend the defects of a pool',
    load: async () => (await import('./commands/repair.ts')).repair,
  },
];
