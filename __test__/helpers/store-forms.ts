import type { PoolStore } from '../../src/pool/pool-store.ts';

/** The two forms of every operation of a store. */
export const FORMS = ['sync', 'async'] as const;
export type Form = (typeof FORMS)[number];

export type Operation = {
  [Name in keyof PoolStore]: Name extends `${infer Plain}Sync` ? Plain : never;
}[keyof PoolStore];

type Given<Name extends Operation> = Name extends 'append'
  ? [key: string, value: string] | [records: Iterable<{ key: string; value: string }>]
  : Parameters<PoolStore[Name]>;
type Result<Name extends Operation> = Name extends 'records'
  ? Awaited<ReturnType<PoolStore['dump']>>
  : Awaited<ReturnType<PoolStore[Name]>>;

/** Does an operation in one of its forms. What is thrown at once is a rejection too; records come as a list. */
export async function run<Name extends Operation>(
  store: PoolStore,
  form: Form,
  operation: Name,
  ...given: Given<Name>
): Promise<Result<Name>> {
  const methods = store as unknown as Record<string, (...given: unknown[]) => unknown>;
  const result = methods[form === 'sync' ? `${operation}Sync` : operation]?.(...given);
  if (operation !== 'records') return (await result) as Result<Name>;
  const records: unknown[] = [];
  for await (const record of result as AsyncIterable<unknown>) records.push(record);
  return records as Result<Name>;
}
