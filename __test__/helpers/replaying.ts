import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf, keyOf } from './diag-records.ts';
import { type Ended, PROGRAM } from './kvp.ts';

/** Starts `kvp replay`; what it prints and how it ends. */
export function replay(
  args: readonly string[],
  { env = {}, program = PROGRAM }: { env?: NodeJS.ProcessEnv; program?: string } = {},
) {
  const child = spawn(process.execPath, [program, 'replay', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
      ...env,
    },
  });
  const ended: Ended & { signal: string | null } = { status: null, signal: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (ended.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (ended.stderr += text));
  const done = once(child, 'close').then(([status, signal]) => Object.assign(ended, { status, signal }));
  return { child, done };
}

/** A pool of so many spans. */
export function poolOf(folder: string, spans: number, name = 'pool'): string {
  const path = join(folder, name);
  const lines = Array.from({ length: spans }, (_, index): [string, string] => [
    keyOf({
      kind: 'finish',
      name: `step${index}`,
      id: `${name}-${index}`,
      result: 'success',
      duration: '0.5',
    }),
    '{"fields":{}}',
  ]);
  writeFileSync(path, bytesOf(...lines));
  return path;
}
