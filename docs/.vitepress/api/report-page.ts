// What the API's pages have of `kvp-tracing/report-page`.
export * from '../../../src/report-page/index.ts';
