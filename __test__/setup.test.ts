import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { OptionError, SubscriberSetError } from '../src/errors.ts';
import * as free from '../src/index.ts';
import { initializeTracing } from '../src/setup/initialize-tracing.ts';
import type { Layer } from '../src/tracing/layer.ts';
import type { LevelFilterName } from '../src/tracing/level.ts';
import { target } from '../src/tracing/target.ts';
import { folderOf, poolOf } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';
import { Recorder } from './helpers/recorder.ts';
import { forgetSetUp, linesOf, messagesIn, OFF, setUp } from './helpers/set-up.ts';

const log = target('agent');

test.beforeEach(forgetSetUp);

test.serial('the order is the pool, OpenTelemetry, stderr, more layers', async (t) => {
  const { names, problems } = await setUp(t, {
    kvp: { path: poolOf(t), vmId: 'vm' },
    opentelemetry: { exporter: new InMemorySpanExporter() },
    stderr: { writer: linesOf() },
    layers: [new Recorder({ name: 'one' }), null, undefined, new Recorder({ name: 'two' })],
  });
  t.deepEqual(names(), ['EmitKVPLayer', 'OpenTelemetryLayer', 'StderrLayer', 'one', 'two']);
  t.deepEqual(problems, []);
});

test.serial('false switches an output off', async (t) => {
  const { names } = await setUp(t, OFF);
  t.deepEqual(names(), []);
  t.notThrows(() => log.error('nobody'));
});

test.serial('by default OpenTelemetry stays out, the pool takes info, stderr errors', async (t) => {
  const path = poolOf(t);
  const writer = linesOf();
  const { tracing, names } = await setUp(t, { kvp: { path, vmId: 'vm' }, stderr: { writer } });
  t.deepEqual(names(), ['EmitKVPLayer', 'StderrLayer']);
  for (const level of ['error', 'info', 'debug'] as const) free[level](level);
  await tracing.shutdown();
  const { diagnostics } = readDiagnosticsSync(path);
  t.deepEqual(
    diagnostics.map(({ message, target, agent }) => [message, target, agent.split('/')[0]]),
    [
      ['error', 'app', 'kvp-tracing'],
      ['info', 'app', 'kvp-tracing'],
    ],
  );
  t.is(writer.lines.length, 1);
  t.regex(writer.lines[0] ?? '', /^\S+ ERROR app: error\n$/);
});

test.serial('service and version name the agent and the free functions', async (t) => {
  const path = poolOf(t);
  const options = { service: 'my-agent', version: '1.2', kvp: { path, vmId: 'vm' }, stderr: false } as const;
  const { tracing } = await setUp(t, options);
  free.info('hi');
  await tracing.flush();
  t.like(readDiagnosticsSync(path).diagnostics[0], { agent: 'my-agent/1.2', target: 'my-agent' });
});

test.serial('an option that is wrong is named, and nothing is set up', async (t) => {
  const wrong: [string, unknown][] = [
    ['service', ''],
    ['version', 5],
    ['kvp', 'path'],
    ['opentelemetry', true],
    ['stderr', null],
    ['layers', new Recorder()],
    ['layers', [() => {}]],
    ['onProblem', 'print'],
    ['redact', 'password'],
    ['file.path', ''],
  ];
  for (const [option, given] of wrong) {
    const error = await t.throwsAsync(
      initializeTracing({ ...OFF, [option.split('.')[0] as string]: given }),
      {
        instanceOf: OptionError,
        code: 'ERR_KVP_INVALID_OPTION',
      },
    );
    t.regex(error?.message ?? '', new RegExp(`^${option} must be `), option);
  }
  for (const output of ['kvp', 'opentelemetry', 'stderr']) {
    const options = { ...OFF, [output]: { filter: 'loud' } };
    await t.throwsAsync(initializeTracing(options), {
      message: new RegExp(`^${output}\\.filter must be .*, not "loud"$`),
    });
  }
  await setUp(t, OFF);
  await t.throwsAsync(initializeTracing(OFF), { instanceOf: SubscriberSetError });
});

test.serial(
  'a wrong option of an output rejects by its whole name, and another try is free to succeed',
  async (t) => {
    const wrong: [object, RegExp][] = [
      [{ kvp: { path: poolOf(t), vmId: 'vm', maxRecords: 0 } }, /^kvp\.maxRecords must be/],
      [{ kvp: { path: poolOf(t), vmId: 'v'.repeat(50) } }, /^kvp\.vmId must be a text of 1 to 36 bytes/],
      [{ kvp: { path: poolOf(t), vmId: 'é'.repeat(19) } }, /^kvp\.vmId must be a text of 1 to 36 bytes/],
      [{ kvp: { path: poolOf(t), vmId: 'a|b' } }, /^kvp\.vmId must be a text of 1 to 36 bytes/],
      [{ stderr: { spanEvents: ['never'] } }, /^stderr\.spanEvents must be/],
      [{ stderr: { format: 'xml' } }, /^stderr\.format must be/],
      [{ file: { path: join(folderOf(t), 'x.log'), reopenOn: 'SIGNONE' } }, /^file\.reopenOn must be/],
      [{ signals: 'yes' }, /^signals must be true or false/],
    ];
    for (const [options, message] of wrong) {
      await t.throwsAsync(initializeTracing({ ...OFF, ...options }), { instanceOf: OptionError, message });
    }
    await t.throwsAsync(initializeTracing(null as never), {
      instanceOf: OptionError,
      message: /^options must be/,
    });
    const tooMany = Array.from({ length: 40 }, () => new Recorder());
    await t.throwsAsync(initializeTracing({ ...OFF, layers: tooMany }), { instanceOf: RangeError });
    const { names } = await setUp(t, { ...OFF, layers: [new Recorder()] });
    t.deepEqual(names(), ['Recorder']);
  },
);

const OBSTACLES: Record<string, (path: string) => void> = {
  'a folder': (path) => mkdirSync(path),
  'a FIFO': (path) => void execFileSync('mkfifo', [path]),
  'a link': (path) => {
    writeFileSync(`${path}.real`, '');
    symlinkSync(`${path}.real`, path);
  },
};

for (const [what, make] of Object.entries(OBSTACLES)) {
  test.serial(`a pool that is ${what} is reported once and left out, the others work`, async (t) => {
    const path = poolOf(t);
    make(path);
    const writer = linesOf();
    const { tracing, problems, names } = await setUp(t, { kvp: { path, vmId: 'vm' }, stderr: { writer } });
    t.deepEqual(names(), ['EmitKVPLayer', 'StderrLayer']);
    log.error('still here');
    const { message } = problems[0] as Error;
    t.like(tracing.stats()['EmitKVPLayer'], { leftOut: message });
    for (const outcome of [await tracing.flush(), await tracing.shutdown()]) {
      t.deepEqual(outcome, { complete: false, dropped: 0, problems });
    }
    t.is(writer.lines.length, 1);
    t.is(problems.length, 1);
    t.is(problems[0]?.code, 'ERR_KVP_NOT_A_POOL_FILE');
    t.true(problems[0]?.message.startsWith('kvp is left out: '));
    t.true(problems[0]?.message.includes(path));
  });
}

test.serial('a pool that may not be written is reported once and left out', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'pool');
  writeFileSync(path, '', { mode: 0o400 });
  chmodSync(folder, 0o755);
  const isRoot = process.getuid?.() === 0;
  const source = `
    import { error, initializeTracing } from 'kvp-tracing';
    ${isRoot ? 'process.setgid(65534); process.setuid(65534);' : ''}
    const tracing = await initializeTracing({
      kvp: { path: ${JSON.stringify(path)}, vmId: 'vm' },
      onProblem: (problem) => console.log(problem.code, problem.message),
    });
    error('still here');
    console.log(JSON.stringify(await tracing.shutdown()));`;
  const { code, stdout, stderr } = await ended(start({ source, folder }));
  t.is(code, 0, stderr);
  const [problem, outcome] = stdout.trimEnd().split('\n');
  t.regex(problem ?? '', /^ERR_KVP_IO kvp is left out: .*(EACCES|permission denied)/i);
  t.like(JSON.parse(outcome as string), { complete: false, problems: [{ code: 'ERR_KVP_IO', path }] });
  t.regex(stderr, / ERROR app: still here\n$/);
});

test.serial('an onProblem that throws stops nothing', async (t) => {
  const onProblem = () => {
    throw new Error('boom');
  };
  const { names } = await setUp(t, {
    kvp: { path: '/', vmId: 'vm' },
    stderr: { writer: linesOf() },
    onProblem,
  });
  t.deepEqual(names(), ['EmitKVPLayer', 'StderrLayer']);
});

for (const [variable, output] of [
  ['AZURE_INIT_KVP_FILTER', 'kvp'],
  ['AZURE_INIT_LOG', 'stderr'],
] as const) {
  /** What passes to `output`. */
  const passing = async (t: ExecutionContext, value: string, filter?: LevelFilterName) => {
    const path = poolOf(t);
    const writer = linesOf();
    const own = { ...(output === 'kvp' ? { path, vmId: 'vm' } : { writer }), ...(filter && { filter }) };
    const { tracing, problems } = await setUp(t, { ...OFF, [output]: own }, { [variable]: value });
    for (const level of ['error', 'warn', 'info', 'debug', 'trace'] as const) log[level](level);
    await tracing.shutdown();
    const count = output === 'kvp' ? readDiagnosticsSync(path).diagnostics.length : writer.lines.length;
    return { count, said: problems.map(({ message }) => message) };
  };

  test.serial(`${variable} goes over the option and the default of ${output}`, async (t) => {
    t.deepEqual(await passing(t, 'Trace'), { count: 5, said: [] });
    t.deepEqual(await passing(t, 'debug', 'error'), { count: 4, said: [] });
    t.deepEqual(await passing(t, 'off', 'trace'), { count: 0, said: [] });
    t.deepEqual(await passing(t, '', 'warn'), { count: 2, said: [] });
  });

  test.serial(`an invalid ${variable} is reported once, then the option or the default holds`, async (t) => {
    const said = [`${variable} must be off, error, warn, info, debug or trace, not "loud"; it is ignored`];
    t.deepEqual(await passing(t, 'loud', 'debug'), { count: 4, said });
    t.deepEqual(await passing(t, 'loud'), { count: output === 'kvp' ? 3 : 1, said });
  });
}

test.serial('OpenTelemetry joins when it is asked to', async (t) => {
  const exporter = new InMemorySpanExporter();
  const { tracing } = await setUp(t, { ...OFF, service: 'my-agent', opentelemetry: { exporter } });
  log.inSpan('work', () => {});
  await tracing.flush();
  const [span] = exporter.getFinishedSpans();
  t.is(span?.name, 'work');
  t.is(span?.resource.attributes['service.name'], 'my-agent');
});

/** What a program with this environment has loaded: whether the API of OpenTelemetry, and which layers. */
async function joined(t: ExecutionContext, env: Record<string, string>, options = '{}') {
  const source = `import { initializeTracing } from 'kvp-tracing';
    const tracing = await initializeTracing({ kvp: false, stderr: false, ...${options} });
    const api = Symbol.for('opentelemetry.js.api.1') in globalThis;
    console.log(api, Object.keys(tracing.stats()).join());
    await tracing.shutdown();`;
  const { stdout, stderr } = await ended(start({ source, folder: folderOf(t) }, [], { env }));
  return stdout.trimEnd() + stderr;
}

test.serial(
  'OpenTelemetry joins when the environment says so, else its API is not even loaded',
  async (t) => {
    const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    t.is(await joined(t, {}), 'false');
    t.is(await joined(t, { OTEL_TRACES_EXPORTER: 'none' }), 'false');
    t.is(await joined(t, { TRACEPARENT }, '{ opentelemetry: false }'), 'false');
    t.is(await joined(t, { TRACEPARENT }), 'true OpenTelemetryLayer');
    t.is(await joined(t, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }), 'true OpenTelemetryLayer');
  },
);

test.serial('a main may set up and shut down twice in one process', async (t) => {
  const path = poolOf(t);
  for (const round of ['one', 'two']) {
    const { tracing } = await setUp(t, { service: round, kvp: { path, vmId: 'vm' }, stderr: false });
    await free.inSpan('main', async () => free.info(round));
    t.deepEqual(await tracing.shutdown(), { complete: true, dropped: 0, problems: [] });
    t.is(tracing.shutdown(), tracing.shutdown());
  }
  const events = readDiagnosticsSync(path).diagnostics.filter(({ kind }) => kind === 'event');
  t.deepEqual(
    events.map(({ message, target: of }) => `${message} ${of}`),
    ['one one', 'two two'],
  );
});

test.serial('await using ends it, and stats tell what each layer did', async (t) => {
  const path = poolOf(t);
  const stopped: string[] = [];
  const outcome = { complete: true, dropped: 0, problems: [] };
  const layer: Layer = { name: 'mine', shutdown: async () => (stopped.push('mine'), outcome) };
  {
    await using tracing = await initializeTracing({
      kvp: { path, vmId: 'vm' },
      stderr: false,
      layers: [layer],
    });
    log.inSpan('work', () => log.info('hi'));
    await tracing.flush();
    t.like(tracing.stats(), { EmitKVPLayer: { accepted: 3, written: 3, throws: 0 }, mine: { throws: 0 } });
  }
  t.deepEqual(stopped, ['mine']);
  log.info('nobody');
  t.is(readFileSync(path).length, 3 * 2560);
});

test.serial('a log file takes info, beside stderr that takes errors', async (t) => {
  const file = join(folderOf(t), 'logs', 'agent.log');
  const writer = linesOf();
  const { tracing } = await setUp(t, { ...OFF, stderr: { writer }, file });
  log.info('for the file');
  log.error('for both');
  log.debug('for nobody');
  t.true((await tracing.shutdown()).complete);
  t.deepEqual(messagesIn(readFileSync(file, 'utf8')), ['for the file', 'for both']);
  t.deepEqual(messagesIn(writer.lines.join('')), ['for both']);
});
