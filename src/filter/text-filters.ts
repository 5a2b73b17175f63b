// Lets an option `filter` be the text of an `EnvFilter`. Each entry of the package imports this module once.
import { setFilterParser } from '../tracing/filter.ts';
import { EnvFilter } from './env-filter.ts';

setFilterParser((text) => EnvFilter.parse(text));
