import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { DEFAULT_AGENT as AGENT } from '../src/diagnostics/write/legal-name.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ended, onBuilt, ROOT } from './helpers/programs.ts';

// The whole set-up (the pool, OpenTelemetry, stderr, a log file) in a process in which something is not as usual.

/** Names of options and variables, which a polluted `Object.prototype` may have. Not those that Node.js itself reads. */
const POLLUTED = Object.fromEntries(
  [
    'file target filter only format level parent agent vmId maxRecords clearStale redact signals service version kvp',
    'stderr layers writer spanEvents reopenOn color traceIds stacks opentelemetry durability queueBytes readOnly limits',
    'lockTimeout maxKeys raw dir pool result replace quiet staleBefore fields name ret err onProblem followsFrom',
    'KVP_TRACING_BACKEND AZURE_INIT_LOG AZURE_INIT_KVP_FILTER TRACEPARENT OTEL_SDK_DISABLED OTEL_TRACES_EXPORTER',
  ]
    .flatMap((names) => names.split(' '))
    .map((name) => [name, '/polluted']),
);

/** What is done before the package is loaded, with what arguments of Node.js, and what stderr says besides the lines. */
interface Place {
  before?: string;
  /** The same once the package is loaded. */
  after?: string;
  args?: string[];
  said?: RegExp;
}

const PLACES: Record<string, Place> = {
  'where all is as usual': {},
  'under fake timers of node:test': {
    before: `(await import('node:test')).mock.timers.enable({ now: 0 });`,
  },
  'under fake timers of sinon': {
    before: `(await import('@sinonjs/fake-timers')).default.install({ now: 0 });`,
  },
  'with frozen intrinsics': { args: ['--frozen-intrinsics'] },
  'without __proto__': { args: ['--disable-proto=delete'] },
  'with a __proto__ that throws': { args: ['--disable-proto=throw'] },
  'with a frozen Error.prototype': { before: 'Object.freeze(Error.prototype);' },
  'with a frozen global object': {
    before: 'Object.freeze(globalThis);',
    said: /^kvp-tracing: no context manager can be registered with OpenTelemetry; .*\n$/,
  },
  'with prototypes that are all frozen': {
    before: `for (const name of Object.getOwnPropertyNames(globalThis)) {
      const { value } = Object.getOwnPropertyDescriptor(globalThis, name);
      if (typeof value === 'function' && value.prototype) Object.freeze(value.prototype);
    }`,
  },
  'with a polluted Object.prototype': {
    after: `Object.assign(Object.prototype, ${JSON.stringify(POLLUTED)});`,
  },
};

/** The program's own part, which may be of another realm. */
const PART = `async ({ inSpan, error, instrument }, tracing) => {
  await inSpan('work', { fields: { size: 1, token: 's3cret', list: [{ password: 's3cret' }] } }, async () => {
    await null;
    error(new TypeError('boom'), 'failed');
  });
  const step = instrument({ name: 'step' }, async () => { throw new RangeError('out of it'); });
  await step().catch(() => {});
  return tracing.reportFailure(new Error('why'), { detail: 'text' });
}`;

const REALMS = {
  'in its own realm': `(${PART})(api, tracing)`,
  'from the realm of a context': `(await import('node:vm')).runInNewContext(${JSON.stringify(`(${PART})`)})(api, tracing)`,
};

/** Whoever never ends is a fault, not a test that never ends. */
const GUARD = `setTimeout(() => process.kill(process.pid, 'SIGKILL'), 30_000);`;

const PROGRAM = `
  process.chdir(folder);
  const api = await import('kvp-tracing');
  AFTER
  const exported = [];
  const exporter = {
    export(spans, done) { for (const { name } of spans) exported.push(name); done({ code: 0 }); },
    async forceFlush() {},
    async shutdown() {},
  };
  const tracing = await api.initializeTracing({
    kvp: { path: 'pool', vmId: 'vm', onProblem: undefined },
    stderr: { filter: 'info', spanEvents: [] },
    file: { path: 'log/agent.log', filter: 'info', spanEvents: [], format: 'compact' },
    opentelemetry: { exporter },
  });
  process.chdir('/');
  const { written, text } = await CALL;
  const { complete, dropped, problems } = await tracing.shutdown();
  const { writeSync } = await import('node:fs');
  writeSync(1, JSON.stringify([written, text.split('|timestamp=')[0], complete, dropped, problems.length, exported.sort().join()]));
  process.exit();`;

for (const [where, { before = '', after = '', args = [], said = /^$/ }] of Object.entries(PLACES)) {
  for (const [realm, call] of Object.entries(REALMS)) {
    test.serial(`the set-up writes the same to all outputs ${where}, called ${realm}`, async (t) => {
      const folder = folderOf(t);
      const source = `${GUARD} const folder = ${JSON.stringify(folder)}; ${before} ${PROGRAM.replace('CALL', () => call).replace('AFTER', () => after)}`;
      const program = spawn(process.execPath, ['--no-warnings', ...args, ...onBuilt(source)], { cwd: ROOT });
      const { code, stdout, stderr } = await ended(program);
      t.is(code, 0, stderr);
      const report = `result=error|reason=why|agent=${AGENT}|detail=text|pps_type=None|vm_id=vm`;
      t.deepEqual(JSON.parse(stdout), [true, report, true, 0, 0, 'step,work']);
      const [lines, others] = [stderr.split('\n'), stderr.replaceAll(/^\d{4}-.*\n/gm, '')];
      t.regex(others, said);
      t.regex(lines.find((line) => line.includes('ERROR')) ?? '', /ERROR work\{.*\}: app: failed error=boom/);
      t.regex(readFileSync(join(folder, 'log/agent.log'), 'utf8'), /ERROR work: app: failed error=boom/);
      t.false(`${stderr}${readFileSync(join(folder, 'pool'), 'latin1')}`.includes('s3cret'));
      const { diagnostics, reports, problems } = readDiagnosticsSync(join(folder, 'pool'));
      t.deepEqual(
        diagnostics.map(({ kind, name, message, reason }) => [kind, name, message ?? reason]),
        [
          ['start', 'work', undefined],
          ['event', 'work', 'failed'],
          ['finish', 'work', 'failed'],
          ['start', 'step', undefined],
          ['finish', 'step', 'out of it'],
        ],
      );
      t.deepEqual([reports.length, problems.length], [1, 0]);
      t.deepEqual(readdirSync(folder).sort(), ['log', 'pool']);
    });
  }
}
