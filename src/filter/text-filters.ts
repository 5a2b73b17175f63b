// Each entry imports this once, so that an option `filter` may be the text of an `EnvFilter`: `tracing` knows no grammar.
import { setFilterParser } from '../tracing/filter.ts';
import { EnvFilter } from './env-filter.ts';

setFilterParser((text) => EnvFilter.parse(text));
