// Runs the command-line tests of azure-init's libazureinit-kvp, unchanged, against `kvp`: CHECKOUT [ARGUMENTS OF CARGO TEST].
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from './tools.mjs';

const [checkout, ...rest] = process.argv.slice(2);
if (checkout === undefined) {
  console.error('Give the folder of a checkout: npm run test:upstream -- ../azure-init');
  process.exit(2);
}
const crate = join(checkout, 'libazureinit-kvp');
const [, version] = /^version\s*=\s*"(.+)"/m.exec(readFileSync(join(crate, 'Cargo.toml'), 'utf8'));
const folder = resolve('target/upstream');
rmSync(folder, { recursive: true, force: true });
for (const name of ['src', 'tests']) mkdirSync(join(folder, name), { recursive: true });
copyFileSync(join(crate, 'tests/cli.rs'), join(folder, 'tests/cli.rs'));
writeFileSync(
  join(folder, 'Cargo.toml'),
  `[package]
name = "libazureinit-kvp"
version = "${version}"
edition = "2021"

[dev-dependencies]
serde_json = "1"
tempfile = "3"

[workspace]
`,
);
const command = [process.execPath, resolve('dist/cli/main.cjs')].map((part) => JSON.stringify(part));
writeFileSync(
  join(folder, 'src/main.rs'),
  `use std::os::unix::process::CommandExt;

fn main() {
    panic!("{}", std::process::Command::new(${command[0]}).arg(${command[1]}).args(std::env::args_os().skip(1)).exec());
}
`,
);
run('cargo', ['test', '--quiet', '--manifest-path', join(folder, 'Cargo.toml'), ...rest]);
