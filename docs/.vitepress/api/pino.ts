// What the API's pages have of `kvp-tracing/pino`.
export * from '../../../src/pino/index.ts';
