/** V8 of Node.js 20; other versions have no flag of this name. */
const V8 = /^11\.3\./;

/**
 * Lets V8 compile what is called often later. What a command does with a full pool takes less time than optimizing the
 * code for it, which is not finished before the command is; with more it is optimized still.
 */
export function optimizeLater(): void {
  if (!V8.test(process.versions.v8)) return;
  process.getBuiltinModule('node:v8').setFlagsFromString('--interrupt-budget=1000000');
}
