import { uptime } from 'node:os';
import type { Command } from 'commander';
import { type Boot, type BootOptions, lastBoot } from '../diagnostics/summary/last-boot.ts';
import { newestVmId } from '../diagnostics/summary/newest-vm.ts';
import { type Summary, summarize } from '../diagnostics/summary/summary.ts';
import type { PoolContent } from '../diagnostics/read/read-diagnostics.ts';
import { isVmIdKnown, vmId } from '../diagnostics/vm-id.ts';
import { addFilesArgument, type Input, inputsOf } from './input.ts';

/** The last boot of what a command reads. */
export class InputBoot {
  readonly input: Input;
  readonly boot: Boot;
  #summary: Summary | undefined;

  constructor(input: Input, options: BootOptions) {
    this.input = input;
    this.boot = bootIn(input.content, options);
  }

  /** How it went; made when it is first asked for. */
  get summary(): Summary {
    return (this.#summary ??= summarize(this.boot, { defects: this.input.defects }));
  }
}

export { addFilesArgument };

/** The last boot of the VM that `options` name, else of the one that wrote last. */
export function bootIn(content: PoolContent, { bootTime, vmId: id }: BootOptions = {}): Boot {
  return lastBoot(content, { bootTime, vmId: isVmIdKnown(id) ? id : newestVmId(content) });
}

/** What is known of the last boot of the given files, else of the pool of this VM. */
export function bootOptionsOf(files: readonly string[], command: Command): BootOptions {
  const isHere = files.length === 0 && command.getOptionValueSourceWithGlobals('dir') !== 'cli';
  return isHere ? thisSystem() : {};
}

/** The boots of the given files, else of the pool of this VM. */
export async function bootsOf(files: readonly string[], command: Command): Promise<InputBoot[]> {
  const options = bootOptionsOf(files, command);
  return (await inputsOf(files, command)).map((input) => new InputBoot(input, options));
}

/** When this system was booted, and the VM that it is; zeros where that can't be read, which is no other VM. */
function thisSystem(): BootOptions {
  return { bootTime: new Date(Date.now() - uptime() * 1000), vmId: vmId({ onProblem: () => {} }) };
}
