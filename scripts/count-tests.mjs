import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** How many tests a run of them had, and the failed and left out ones by name. */
export class TestCounts {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** Failures that were told of, also the ones that a platform's list leaves out. */
  told = 0;
  /** Titles of failed tests. */
  failures = [];
  /** Why tests were left out, and how many for this reason. */
  reasons = new Map();

  /** Counts what can't be run at all as one test that is left out. */
  leaveOut(reason, count = 1) {
    this.skipped += count;
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + count);
  }

  /** Counts a failure; a run that fails before it can say why is one. */
  fail(title) {
    this.told++;
    this.failed++;
    this.failures.push(title);
  }

  /** Prints what was left out and what failed, and, as the last line, how many there were of each. */
  print() {
    for (const [reason, count] of this.reasons) console.log(`left out, ${count}: ${reason}`);
    for (const title of this.failures) console.log(`failed: ${title}`);
    const skipped = this.skipped > 0 ? `, ${this.skipped} skipped` : '';
    console.log(`${this.passed} passed, ${this.failed} failed${skipped}`);
  }
}

/** Counts by what `cargo test` prints: a line for each of its programs. */
export function countCargo(counts, line) {
  const found = /^test result: .* (\d+) passed; (\d+) failed/.exec(line);
  if (found === null) return;
  counts.passed += Number(found[1]);
  for (let i = 0; i < Number(found[2]); i++) counts.fail('a test of the native core');
}

/** Counts by what ava prints as TAP. A test that lacks a part of the machine passes, with a comment that says so. */
export function countTap(counts, line) {
  if (line.startsWith('ok ')) counts.passed++;
  const failed = /^not ok \d+ - (.*)/.exec(line);
  if (failed !== null) counts.fail(failed[1]);
  const missing = /^# +left out: (.*)/.exec(line);
  if (missing === null) return;
  counts.passed--;
  counts.leaveOut(missing[1]);
}

/** Runs a program of tests, passes on what it prints, and has each line counted by `count`. */
export async function runCounted(counts, count, command, args, env = {}) {
  const child = spawn(command, args, {
    stdio: ['inherit', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const before = counts.told;
  const lines = createInterface(child.stdout).on('line', (line) => {
    console.log(line);
    count(counts, line);
  });
  const [[status]] = await Promise.all([once(child, 'close'), once(lines, 'close')]);
  if (status !== 0 && counts.told === before) counts.fail(`${command} ended with ${status}`);
}
