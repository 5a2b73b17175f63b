// Fuzzes the core: npm run fuzz -- [SECONDS [TARGET …]], by default 300 seconds of each target.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { run } from './tools.mjs';

const folder = 'crates/kvp/fuzz';
const [seconds = '300', ...named] = process.argv.slice(2);
if (!/^[1-9]\d*$/.test(seconds)) fail(`the seconds of each target, not ${JSON.stringify(seconds)}`);
const targets = readdirSync(`${folder}/fuzz_targets`).map((file) => file.replace('.rs', ''));
const unknown = named.find((name) => !targets.includes(name));
if (unknown !== undefined) fail(`there is no target ${unknown}, only ${targets.join(', ')}`);
if (spawnSync('cargo', ['+nightly', 'fuzz', '--version'], { stdio: 'ignore' }).status !== 0)
  fail('install what it needs: rustup toolchain install nightly && cargo install --locked cargo-fuzz');
for (const target of named.length > 0 ? named : targets) {
  const limits = [`-max_total_time=${seconds}`, '-timeout=10', '-print_final_stats=1'];
  run('cargo', ['+nightly', 'fuzz', 'run', '--fuzz-dir', folder, target, '--', ...limits]);
}

function fail(message) {
  console.error(`npm run fuzz: ${message}`);
  process.exit(1);
}
