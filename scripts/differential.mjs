// Compares 10,000 random filters and callsites with what Rust's tracing-subscriber decides: [COUNT [SEED]].
import { run } from './tools.mjs';

const [count = '10000', seed = '1'] = process.argv.slice(2);
const env = { DIFFERENTIAL_COUNT: count, DIFFERENTIAL_SEED: seed, CI: 'true' };
run('ava', ['__test__/env-filter-oracle.test.ts'], env);
