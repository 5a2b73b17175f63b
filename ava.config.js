export default {
  files: ['__test__/*.test.ts'],
  extensions: { ts: 'module' },
  nodeArguments: ['--import=@oxc-node/core/register', '--expose-gc'],
  // The tests measure nothing; they run real daemons and processes on whatever machine there is.
  timeout: '3m',
  concurrency: 2,
  workerThreads: false,
};
