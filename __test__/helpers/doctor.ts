import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import type { Check } from '../../src/cli/doctor/check.ts';
import { bytesOf, good } from './diag-records.ts';
import type { Ended } from './kvp.ts';
import { folderOf } from './pool-folder.ts';
import { ended, ROOT } from './programs.ts';

export const PROGRAM = fileURLToPath(new URL('dist/cli/main.cjs', ROOT));

/** The environment without a collector. */
export function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const {
    OTEL_EXPORTER_OTLP_ENDPOINT: _1,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: _2,
    COLUMNS: _3,
    ...env
  } = process.env;
  return { ...env, LANG: 'C.UTF-8', NO_COLOR: '1', ...more };
}

/** A folder with a pool that nothing is wrong with, or with these bytes. */
export function poolIn(t: ExecutionContext, bytes: Buffer = bytesOf(good)): { folder: string; pool: string } {
  const folder = folderOf(t);
  const pool = join(folder, '.kvp_pool_1');
  writeFileSync(pool, bytes, { mode: 0o644 });
  return { folder, pool };
}

async function doctor(folder: string, args: string[] = [], options: object = {}): Promise<Ended> {
  const call = [PROGRAM, 'doctor', '--dir', folder, ...args];
  const child = spawn(process.execPath, call, { env: environment(), ...options });
  const { code, stdout, stderr } = await ended(child);
  return { status: code, stdout, stderr };
}

/** What a check came to. */
export async function checkOf(name: string, folder: string, options: object = {}): Promise<Check> {
  const { status, stdout, stderr } = await doctor(folder, ['--json'], options);
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
  if (stderr !== '' || status !== (ok ? 0 : 1)) throw new Error(`${status} ${stderr}`);
  return checks.find((check) => check.name === name) as Check;
}
