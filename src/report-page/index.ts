export { renderReport } from './render-report.ts';
export type { RenderReportOptions, ReportSource } from './render-report.ts';
