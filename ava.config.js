// `npm test` names the folder into which it has compiled the tests; otherwise a loader compiles them.
const compiled = process.env.KVP_TEST_COMPILED;

export default {
  files: [compiled === undefined ? '__test__/*.test.ts' : `${compiled}/__test__/*.test.js`],
  extensions: compiled === undefined ? { ts: 'module' } : ['js'],
  nodeArguments: [...(compiled === undefined ? ['--import=@oxc-node/core/register'] : []), '--expose-gc'],
  // The tests measure nothing; they run real daemons and processes on whatever machine there is.
  timeout: '3m',
  // One more than cores: many tests wait for programs and timers.
  concurrency: 3,
  workerThreads: false,
};
