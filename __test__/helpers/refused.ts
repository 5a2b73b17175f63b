import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import type { ExecutionContext } from 'ava';
import { OptionError } from '../../src/errors.ts';
import * as main from '../../src/index.ts';

/** What must not be there once a call was refused: a pool that would be written to. */
export const POOL = '/nonexistent/pool';
export const PRODUCER = { path: POOL, vmId: 'vm' };
export const exporter = new InMemorySpanExporter();

export function storeOf(): main.PoolStore {
  return main.openPool(POOL, { readOnly: true });
}

export function writer(): ReturnType<typeof main.diagnostics> {
  return main.diagnostics(POOL, { agent: 'a', vmId: 'vm' });
}

/** The error of a call that throws or rejects. */
export async function refused(t: ExecutionContext, what: string, call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    t.true(error instanceof OptionError, `${what}: ${error}`);
    return (error as Error).message;
  }
  t.fail(`${what} is not refused`);
  return '';
}
