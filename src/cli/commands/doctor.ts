import type { Command } from 'commander';
import { escapeInvisible } from '../../format/value-text.ts';
import { variable, variables } from '../../tracing/environment.ts';
import { bootOptionsOf } from '../boots.ts';
import type { Check } from '../doctor/check.ts';
import { examples, explain } from '../examples.ts';
import { type GlobalOptions, namesPool, poolName, poolPath } from '../global-options.ts';
import { isTerminal, outputWidth, print, printJson } from '../output.ts';
import { shellWord } from '../shell-word.ts';
import { flow } from '../view/flow.ts';
import { COLORS, isUtf8, type Style, styleOf } from '../view/style.ts';

/** How the status of a check is shown. */
const STATUSES = {
  ok: { sign: '✔', word: 'ok', color: COLORS.green },
  warning: { sign: '!', word: 'warning', color: COLORS.yellow },
  error: { sign: '✘', word: 'error', color: COLORS.red },
  skipped: { sign: '-', word: 'skipped', color: COLORS.dim },
} as const;

/** `kvp doctor` says what is wrong on this VM and what to do. */
export function doctor(command: Command): void {
  command.action(async () => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const checks = await checksOf(options, command);
    const ok = checks.every(({ status }) => status !== 'error');
    if (!ok) process.exitCode = 1;
    if (options.json) return printJson({ ok, checks });
    const shown = options.quiet
      ? checks.filter(({ status }) => status === 'error' || status === 'warning')
      : checks;
    const style = styleOf(options);
    return print(shown.map((check) => textOf(check, style)).join(''));
  });
  explain(
    command,
    `Exit code 0: nothing is wrong, though there may be warnings; 1: something is. With --json the document has ok
and checks: a list of name, status (ok, warning, error or skipped), message and, of a warning or error, fix.`,
  );
  examples(command, [
    ['sudo kvp doctor', 'what is wrong on this VM, and what to do'],
    ['sudo kvp doctor -q', 'only what is wrong'],
    [`kvp doctor --json | jq -r '.checks[] | select(.status == "error") | .fix'`, 'what to do, for a script'],
  ]);
}

async function checksOf(options: GlobalOptions, command: Command): Promise<Check[]> {
  const { hostChecks } = await import('../doctor/host-checks.ts');
  const { poolChecks } = await import('../doctor/pool-checks.ts');
  const { backendChecks } = await import('../doctor/backend-checks.ts');
  const { collectorCheck } = await import('../doctor/collector-check.ts');
  const collector = collectorCheck(variables());
  const chosen = namesPool(command) ? ` --dir ${shellWord(options.dir)} --pool ${poolName(options)}` : '';
  const boot = bootOptionsOf([], command);
  const pool = await poolChecks({ path: poolPath(options), options: chosen, boot });
  return [...hostChecks(), ...pool, ...backendChecks(), await collector];
}

/** The line of a check; on a terminal it goes on in further ones. */
function textOf({ name, status, message, fix }: Check, style: Style): string {
  const { sign, word, color } = STATUSES[status];
  const mark = `${isUtf8() ? `${sign} ` : ''}${word.padEnd(7)}`;
  const text = escapeInvisible(fix === undefined ? message : `${message}. To do: ${fix}`);
  const head = `${mark} ${name.padEnd(9)} `;
  const isFitted = isTerminal() || variable('COLUMNS');
  const lines = isFitted ? flow([{ text }], Math.max(20, outputWidth() - head.length), style) : [text];
  return `${style.paint(color, mark)}${head.slice(mark.length)}${lines.join(`\n${' '.repeat(head.length)}`)}\n`;
}
