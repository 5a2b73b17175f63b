// `node --import kvp-tracing/register program.js`: the program's OpenTelemetry spans go to the pool.
import '../filter/text-filters.ts';
import { messageOf } from '../errors.ts';
import { variables } from '../tracing/environment.ts';
import { printLine } from '../tracing/print-line.ts';

// A package that is missing or broken must not keep the program from starting.
try {
  const { register } = await import('./processor/zero-code.ts');
  register(variables());
} catch (error) {
  printLine(`spans are not written to the pool: ${messageOf(error)}`);
}
