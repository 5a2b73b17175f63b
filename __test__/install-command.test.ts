import test from 'ava';
import { installCommand } from '../src/opentelemetry/install-command.ts';

test('the command that installs an SDK fits Node.js and the version of the API', (t) => {
  const sdk2 = '@opentelemetry/sdk-trace@2 @opentelemetry/otlp-transformer@0.223';
  const sdk3 = '@opentelemetry/sdk-trace@3 @opentelemetry/otlp-transformer@0.301';
  for (const [node, api, packages] of [
    ['20.19.0', '1.9.1', sdk2],
    ['20.20.2', '1.10.0', `@opentelemetry/api@1.9 ${sdk2}`],
    ['22.14.0', '1.10.0', `@opentelemetry/api@1.9 ${sdk2}`],
    ['22.15.0', '1.10.0', sdk3],
    ['24.21.0', '1.11.3', sdk3],
    ['26.10.0', '1.9.0', sdk2],
  ] as const) {
    t.is(installCommand('both', node, api), `npm install ${packages}`, `${node}, ${api}`);
  }
  t.is(installCommand('sdk', '24.0.0', '1.10.0'), 'npm install @opentelemetry/sdk-trace@3');
});
