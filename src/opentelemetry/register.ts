// `node --import kvp-tracing/register program.js`: the program's OpenTelemetry spans go to the pool.
import '../filter/text-filters.ts';
import { messageOf } from '../errors.ts';
import { printLine } from '../tracing/print-line.ts';

// Nothing that is missing or broken here may keep the program from starting.
try {
  const { register } = await import('./processor/zero-code.ts');
  register(process.env);
} catch (error) {
  printLine(`spans are not written to the pool: ${messageOf(error)}`);
}
