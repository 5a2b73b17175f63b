// Writes the report of each entry's public types to docs/api. With `--check` it writes nothing and fails on a change.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const ENTRIES = {
  'kvp-tracing': 'index',
  opentelemetry: 'opentelemetry/index',
  pino: 'pino/index',
  'report-page': 'report-page/index',
};
const isCheck = process.argv.includes('--check');

const configs = Object.entries(ENTRIES).map(([name, entry]) =>
  ExtractorConfig.prepare({
    configObject: {
      projectFolder: resolve('.'),
      mainEntryPointFilePath: resolve(`dist/${entry}.d.ts`),
      compiler: {
        overrideTsconfig: { extends: resolve('tsconfig.json'), include: [resolve('dist/**/*.d.ts')] },
      },
      apiReport: {
        enabled: true,
        includeForgottenExports: true,
        reportFileName: `${name}.api.md`,
        reportFolder: resolve('docs/api'),
        reportTempFolder: resolve('artifacts/api'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        extractorMessageReporting: {
          default: { logLevel: 'error', addToApiReportFile: true },
          // What is not `@internal` is public.
          'ae-missing-release-tag': { logLevel: 'none' },
          // Types that exported ones use are in the report too.
          'ae-forgotten-export': { logLevel: 'none' },
          'ae-undocumented': { logLevel: 'none' },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: resolve('package.json'),
  }),
);

mkdirSync('docs/api', { recursive: true });
const [first] = configs;
const additionalEntryPoints = configs.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath);
const compilerState = CompilerState.create(first, { additionalEntryPoints });
const changed = [];
for (const config of configs) {
  const messageCallback = (message) => {
    if (message.logLevel !== 'error') message.handled = true;
  };
  const result = Extractor.invoke(config, { compilerState, localBuild: !isCheck, messageCallback });
  if (result.apiReportChanged) changed.push(config.reportFilePath);
  if (result.errorCount > 0) process.exitCode = 1;
}
if (isCheck && changed.length > 0) {
  console.error(`The public types are not those of ${changed.join(', ')}: npm run api writes them anew.`);
  process.exitCode = 1;
}
