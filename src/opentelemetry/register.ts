// `node --import kvp-tracing/register program.js`, or `node -r`: the program's OpenTelemetry spans go to the pool.
import '../filter/text-filters.ts';
import { messageOf } from '../errors.ts';
import { variables } from '../tracing/environment.ts';
import { printLine } from '../tracing/print-line.ts';
import { register } from './processor/zero-code.ts';

// A package that is missing or broken must not keep the program from starting. The build has it loaded by the call.
try {
  register(variables());
} catch (error) {
  printLine(`spans are not written to the pool: ${messageOf(error)}`);
}
