import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import test, { type ExecutionContext } from 'ava';
import { OptionError } from '../src/errors.ts';
import * as main from '../src/index.ts';
import * as opentelemetry from '../src/opentelemetry/index.ts';
import * as pino from '../src/pino/index.ts';
import { folderOf, poolOf } from './helpers/pool-folder.ts';

type Given = never;

/** What must not be there once a call was refused: a pool that would be written to. */
const POOL = '/nonexistent/pool';
const PRODUCER = { path: POOL, vmId: 'vm' };
const exporter = new InMemorySpanExporter();

interface Case {
  /** An option that there is, and a name that is nearly the same. */
  known: string;
  misspelt: string;
  call(given: Given): unknown;
  /** How the error names the options as a whole; default `options`. */
  whole?: string;
  /** Members that must be given beside the misspelt one. */
  needed?: object;
}

function storeOf(): main.PoolStore {
  return main.openPool(POOL, { readOnly: true });
}

/** Every function and constructor of the package that takes options. */
const TAKE_OPTIONS: Record<string, Case> = {
  initializeTracing: { known: 'service', misspelt: 'servce', call: (o) => main.initializeTracing(o) },
  'initializeTracing kvp': {
    known: 'path',
    misspelt: 'paht',
    whole: 'kvp',
    call: (o) => main.initializeTracing({ kvp: o }),
  },
  'initializeTracing stderr': {
    known: 'format',
    misspelt: 'formt',
    whole: 'stderr',
    call: (o) => main.initializeTracing({ kvp: false, stderr: o }),
  },
  'initializeTracing file': {
    known: 'reopenOn',
    misspelt: 'reopen',
    whole: 'file',
    call: (o) => main.initializeTracing({ kvp: false, file: o }),
  },
  'initializeTracing opentelemetry': {
    known: 'exporter',
    misspelt: 'exporters',
    whole: 'opentelemetry',
    call: (o) => main.initializeTracing({ kvp: false, opentelemetry: o }),
  },
  'initializeTracing queue': {
    known: 'maxBytes',
    misspelt: 'maxbyte',
    whole: 'opentelemetry.queue',
    call: (o) => main.initializeTracing({ kvp: false, opentelemetry: { queue: o } }),
  },
  Registry: { known: 'redact', misspelt: 'redcat', call: (o) => new main.Registry(o) },
  EmitKVPLayer: { known: 'path', misspelt: 'pth', call: (o) => new main.EmitKVPLayer(o) },
  StderrLayer: { known: 'color', misspelt: 'colour', call: (o) => new main.StderrLayer(o) },
  MemoryLayer: { known: 'filter', misspelt: 'filer', call: (o) => new main.MemoryLayer(o) },
  EnvFilter: { known: 'lenient', misspelt: 'linient', call: (o) => new main.EnvFilter('info', o) },
  'EnvFilter.parse': { known: 'regex', misspelt: 'regexp', call: (o) => main.EnvFilter.parse('info', o) },
  span: { known: 'level', misspelt: 'leve', call: (o) => main.span('x', o) },
  inSpan: { known: 'fields', misspelt: 'field', call: (o) => main.inSpan('x', o, () => {}) },
  instrument: { known: 'name', misspelt: 'nmae', call: (o) => main.instrument(o, () => {}) },
  'instrument ret': {
    known: 'level',
    misspelt: 'levle',
    whole: 'ret',
    call: (o) => main.instrument({ ret: o }, () => {}),
  },
  'Target.span': { known: 'target', misspelt: 'tagret', call: (o) => main.target('t').span('x', o) },
  'Target.inSpan': {
    known: 'parent',
    misspelt: 'parant',
    call: (o) => main.target('t').inSpan('x', o, () => {}),
  },
  'Target.instrument': {
    known: 'err',
    misspelt: 'errr',
    call: (o) => main.target('t').instrument(o, () => {}),
  },
  bridgeDiagnosticsChannels: {
    known: 'childProcess',
    misspelt: 'childProcesses',
    call: (o) => main.bridgeDiagnosticsChannels(o),
  },
  openPool: { known: 'readOnly', misspelt: 'readonly', call: (o) => main.openPool(POOL, o) },
  'openPool by number': { known: 'pool', misspelt: 'pol', call: (o) => main.openPool(o) },
  'PoolStore.records': { known: 'raw', misspelt: 'row', call: (o) => storeOf().records(o) },
  'PoolStore.recordsSync': { known: 'raw', misspelt: 'rwa', call: (o) => storeOf().recordsSync(o) },
  diagnostics: { known: 'agent', misspelt: 'agnet', call: (o) => main.diagnostics(POOL, o) },
  'diagnostics start': { known: 'parent', misspelt: 'parrent', call: (o) => writer().start('a', '', o) },
  'diagnostics event': {
    known: 'operation',
    misspelt: 'operations',
    call: (o) => writer().event('a', '', o),
  },
  'diagnostics finish': {
    known: 'duration',
    misspelt: 'durations',
    call: (o) => writer().finish({ name: 'a', id: 'b' }, 'success', '', o),
  },
  'diagnostics artifact': {
    known: 'maxBytes',
    misspelt: 'maxByte',
    call: (o) => writer().artifact('a', '/x', o),
  },
  backend: { known: 'quiet', misspelt: 'quit', call: (o) => main.backend(o) },
  vmId: { known: 'onProblem', misspelt: 'onproblem', call: (o) => main.vmId(o) },
  ProvisioningError: { known: 'cause', misspelt: 'casue', call: (o) => new main.ProvisioningError('why', o) },
  renderTree: { known: 'color', misspelt: 'colors', call: (o) => main.renderTree({ roots: [] }, o) },
  JsonLayer: { known: 'pino', misspelt: 'pion', call: (o) => new pino.JsonLayer(o) },
  pinoBridge: { known: 'target', misspelt: 'traget', call: (o) => pino.pinoBridge(o) },
  OpenTelemetryLayer: {
    known: 'provider',
    misspelt: 'providers',
    call: (o) => new opentelemetry.OpenTelemetryLayer(o),
  },
  KvpSpanProcessor: { known: 'vmId', misspelt: 'vmid', call: (o) => new opentelemetry.KvpSpanProcessor(o) },
  processEnvironment: {
    known: 'inherits',
    misspelt: 'inherit',
    call: (o) => opentelemetry.processEnvironment(o),
  },
  replay: { known: 'since', misspelt: 'sinse', call: (o) => opentelemetry.replay([], exporter, o) },
  summarize: {
    known: 'vmId',
    misspelt: 'vmid',
    call: (o) => main.summarize(main.readDiagnosticsSync([]), o),
  },
  lastBoot: { known: 'vmId', misspelt: 'vmid', call: (o) => main.lastBoot(main.readDiagnosticsSync([]), o) },
};

/** Everything else that can be called, and why it has no options. */
const WITHOUT_OPTIONS = [
  // They take fields, headers, variables or texts of the program, whose names it chooses, or something of the package.
  'debug',
  'error',
  'event',
  'info',
  'trace',
  'warn',
  'Fields',
  'formatReport',
  'childEnv',
  'extract',
  'inject',
  'withRemoteContext',
  'parseReport',
  'parseSupportingData',
  'readDiagnostics',
  'readDiagnosticsSync',
  'timeline',
  'compareTimelines',
  'ownTimes',
  'otlpTarget',
  'readExport',
  'storedFiles',
  'BaseLayer',
  'Span',
  'Target',
  'installSignalHandlers',
  'reload',
  'setGlobalDefault',
  'target',
  'withDefault',
  'pinoMixin',
];

function writer(): ReturnType<typeof main.diagnostics> {
  return main.diagnostics(POOL, { agent: 'a', vmId: 'vm' });
}

/** The error of a call that throws or rejects. */
async function refused(t: ExecutionContext, what: string, call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    t.true(error instanceof OptionError, `${what}: ${error}`);
    return (error as Error).message;
  }
  t.fail(`${what} is not refused`);
  return '';
}

test('every function of the package is here, with its options or without', (t) => {
  const found = [main, pino, opentelemetry].flatMap((entry) =>
    Object.entries(entry)
      .filter(([name, value]) => typeof value === 'function' && !name.endsWith('Error'))
      .map(([name]) => name),
  );
  const here = [...Object.keys(TAKE_OPTIONS), ...WITHOUT_OPTIONS].filter((name) => /^\w+$/.test(name));
  t.deepEqual([...new Set(found)].sort(), here.filter((name) => name !== 'ProvisioningError').sort());
});

for (const [what, { known, misspelt, whole = 'options', call }] of Object.entries(TAKE_OPTIONS)) {
  test(`${what} refuses a name that is no option, and names the nearest`, async (t) => {
    for (const value of ['x', undefined]) {
      const message = await refused(t, what, () => call({ [misspelt]: value } as Given));
      t.true(message.startsWith(`${whole} must be of `), message);
      t.true(message.includes(`, not "${misspelt}"`), message);
      const meant = whole === 'options' ? known : `${whole}.${known}`;
      t.true(message.endsWith(`; did you mean ${meant}?`), message);
    }
  });

  test(`${what} refuses what is no object of options`, async (t) => {
    for (const wrong of [null, 5, 'x', [], [{}], new Map(), new Date(0), Promise.resolve({}), Symbol('x')]) {
      // Some take a text, or nothing but one: a path, a format.
      if (typeof wrong === 'string' && /by number|file$/.test(what)) continue;
      const message = await refused(t, `${what} of ${String(wrong)}`, () => call(wrong as Given));
      t.regex(message, / must be .*, not (null|5|"x"|a list|an object|a promise|Symbol)/, what);
    }
  });
}

/** Values of a wrong kind, and how the error begins and ends. */
const WRONG_KINDS: [message: RegExp, call: () => unknown][] = [
  [/^options must be of .*, not "lifecycle"; /, () => new main.EmitKVPLayer({ lifecycle: 5 } as never)],
  [
    /^spanEvents must be a list, not 5$/,
    () => new main.EmitKVPLayer({ ...PRODUCER, spanEvents: 5 as never }),
  ],
  [
    /^kvp\.maxRecords must be .*, not "9"$/,
    () => main.initializeTracing({ kvp: { ...PRODUCER, maxRecords: '9' as never } }),
  ],
  [
    /^kvp\.vmId must be a text of 1 to 36 bytes/,
    () => main.initializeTracing({ kvp: { path: POOL, vmId: 'v'.repeat(50) } }),
  ],
  [
    /^kvp\.clearStale must be true or false, not "no"$/,
    () => main.initializeTracing({ kvp: { clearStale: 'no' as never } }),
  ],
  [
    /^signals must be a list of names of signals, .*, not "SIGTERM"$/,
    () => main.installSignalHandlers('SIGTERM' as never),
  ],
  [/^signals must be .*, not "SIGKILL"$/, () => main.installSignalHandlers(['SIGKILL'])],
  [/^signals must be .*, not "toString"$/, () => main.installSignalHandlers(['toString' as never])],
  [
    /^layer must be a layer, .*, not the class StderrLayer$/,
    () => new main.Registry().with(main.StderrLayer as never),
  ],
  [
    /^layer must be a layer, .*, not a list$/,
    () => new main.Registry().with([new main.MemoryLayer()] as never),
  ],
  [/^layer must be a layer, .*, not a promise/, () => new main.Registry().with(Promise.resolve({}) as never)],
  [/^layer must be a layer, .*, not an object$/, () => new main.Registry().with({ onEvent: 5 } as never)],
  [/^layer must be a layer, .*, not an object$/, () => new main.Registry().with({ filter: 'info' } as never)],
  [
    /^filter must be .*, not the class EnvFilter$/,
    () => new main.MemoryLayer({ filter: main.EnvFilter as never }),
  ],
  [/^filter must be .*, not null$/, () => new main.MemoryLayer({ filter: null as never })],
  [/^layers must be a list of layers, not an object$/, () => main.initializeTracing({ layers: {} as never })],
  [
    /^layers must be a layer, .*, not the class MemoryLayer$/,
    () => main.initializeTracing({ layers: [main.MemoryLayer as never] }),
  ],
  [/^fn must be a function, not undefined$/, () => main.inSpan('x', undefined as never)],
  [/^fn must be a function, not undefined$/, () => main.inSpan('x', {}, undefined as never)],
  [/^fn must be a function, not 5$/, () => main.Span.current().inScope(5 as never)],
  [/^name must be a text, not a function$/, () => main.inSpan((() => {}) as never, () => {})],
  [/^name must be a text, not 5$/, () => main.target(5 as never)],
  [/^parent must be a span or null, not "id"$/, () => main.span('x', { parent: 'id' as never })],
  [
    /^followsFrom must be a span or a list of spans, not 5$/,
    () => main.span('x', { followsFrom: [5] as never }),
  ],
  [
    /^level must be error, warn, info, debug or trace, not "loud"$/,
    () => main.span('x', { level: 'loud' as never }),
  ],
  [/^fields must be .*, not a list$/, () => main.span('x', { fields: [1] as never })],
  [/^fields must be .*, not "x"$/, () => main.instrument({ fields: 'x' as never }, () => {})],
  [
    /^ret must be true, false or \{ level \}, not "info"$/,
    () => main.instrument({ ret: 'info' as never }, () => {}),
  ],
  [/^redact must be .*, not "a\.\.b"$/, () => new main.Registry({ redact: ['a..b'] })],
  [/^redact must be .*, not an object$/, () => new main.Registry({ redact: new Set(['a']) as never })],
  [/^onProblem must be a function, not "print"$/, () => new main.Registry({ onProblem: 'print' as never })],
  [/^subscriber must be a Registry, not an object$/, () => main.setGlobalDefault({} as never)],
  [
    /^subscriber must be a Registry, not the class Registry$/,
    () => main.setGlobalDefault(main.Registry as never),
  ],
  [/^fn must be a function, not undefined$/, () => main.withDefault(new main.Registry(), undefined as never)],
  [/^diagnostics must be a list of /, () => main.timeline(5 as never)],
  [/^diagnostics must be a list of /, () => main.timeline('pool' as never)],
  [/^tree must be what timeline\(\) returns, .*, not a list$/, () => main.renderTree([] as never)],
  [/^path must be .*, not 5$/, () => main.readDiagnostics(5 as never)],
  [/^path must be .*, not 5$/, () => main.openPool(5 as never)],
  [
    /^lockTimeout must be milliseconds from 0, not "1s"$/,
    () => main.openPool(POOL, { lockTimeout: '1s' as never }),
  ],
  [/^writer must be .*, not -1$/, () => new main.StderrLayer({ writer: -1 })],
  [/^writer must be .*, not an object$/, () => new main.StderrLayer({ writer: {} as never })],
  [/^color must be true or false, not 1$/, () => new main.StderrLayer({ color: 1 as never })],
  [
    /^exporter must be |^opentelemetry\.exporter must be /,
    () => main.initializeTracing({ opentelemetry: { exporter: InMemorySpanExporter as never } }),
  ],
  [
    /^opentelemetry\.queue\.maxAge must be /,
    () => main.initializeTracing({ opentelemetry: { queue: { maxAge: -1 } } }),
  ],
  [
    /^opentelemetry\.spanProcessors must be a list/,
    () => main.initializeTracing({ opentelemetry: { spanProcessors: {} as never } }),
  ],
  [/^pino must be an object of options, not a list$/, () => new pino.JsonLayer({ pino: [] as never })],
  [
    /^provider must be a tracer provider/,
    () => new opentelemetry.OpenTelemetryLayer({ provider: {} as never }),
  ],
  [
    /^environment must be what .*, not a promise; was await forgotten\?$/,
    () => new opentelemetry.OpenTelemetryLayer({ environment: Promise.resolve({}) as never }),
  ],
  [/^to must be a span exporter or a tracer provider/, () => opentelemetry.replay([], {} as never)],
  [
    /^supportingData must be an object/,
    () => new main.ProvisioningError('x', { supportingData: [1] as never }),
  ],
];

WRONG_KINDS.forEach(([message, call], index) => {
  test(`a value of a wrong kind is refused: ${index + 1}: ${message.source}`, async (t) => {
    t.regex(await refused(t, String(call), call), message);
  });
});

test('options that are undefined are not given', async (t) => {
  const nothing = (names: string[]): Given =>
    Object.fromEntries(names.map((name) => [name, undefined])) as Given;
  const path = poolOf(t);
  const registry = new main.Registry(nothing(['redact', 'onProblem']))
    .with(
      new main.EmitKVPLayer({
        ...(nothing(['agent', 'clearStale', 'filter', 'format']) as object),
        path,
        vmId: 'vm',
      }),
    )
    .with(
      new main.StderrLayer({
        ...(nothing(['format', 'color', 'filter', 'spanEvents']) as object),
        writer: { write: () => {} },
      }),
    );
  main.withDefault(registry, () =>
    main.inSpan('x', nothing(['level', 'target', 'parent', 'followsFrom', 'fields']), () => main.info('y')),
  );
  t.true((await registry.shutdown(nothing(['timeout']))).complete);
  t.is(main.readDiagnosticsSync(path).diagnostics.length, 3);
});

test('a flush never rejects: a deadline that is none is among its problems', async (t) => {
  const layer = new main.EmitKVPLayer({ path: poolOf(t), vmId: 'vm' });
  const registry = new main.Registry().with(layer);
  for (const deadline of [{ timeot: 5 }, { timeout: 'x' }, 500, null, { timeout: NaN }]) {
    for (const each of [registry, layer]) {
      const { complete, problems } = await each.flush(deadline as never);
      t.true(complete);
      t.is(problems.length, 1);
      t.true(problems[0] instanceof OptionError);
      t.regex(problems[0]?.message ?? '', /^deadline/);
    }
  }
  t.deepEqual((await registry.flush({ timeout: -1 })).problems, []);
  t.regex((await registry.shutdown(500 as never)).problems[0]?.message ?? '', /^deadline must be an object/);
});

test('a report with wrong options is not written, and its outcome says why', async (t) => {
  const path = poolOf(t);
  const tracing = await main.initializeTracing({ kvp: { path, vmId: 'vm' }, stderr: false });
  t.teardown(() => tracing.shutdown());
  const { written, error } = await tracing.reportSuccess({}, { repalce: true } as never);
  t.false(written);
  t.regex(error?.message ?? '', /^options must be of replace alone, not "repalce"; did you mean replace\?$/);
  t.true((await tracing.reportFailure(new Error('x') as unknown)).written);
});

test('a forgotten await is named', async (t) => {
  using diag = main.diagnostics(poolOf(t), { agent: 'a', vmId: 'vm' });
  const started = diag.start('work');
  const finish = await t.throwsAsync(diag.finish(started as never, 'success'), { instanceOf: OptionError });
  t.is(finish?.message, 'started must be what start() resolved with, not a promise; was await forgotten?');
  for (const call of [
    () => diag.start('part', '', { parent: started as never }),
    () => diag.event('part', '', { operation: started as never }),
  ]) {
    const error = await t.throwsAsync(call(), { instanceOf: OptionError });
    t.regex(error?.message ?? '', /^(parent|operation) must be .*, not a promise; was await forgotten\?$/);
  }
  await started;
});

test('the error of a name of any length is short', (t) => {
  const name = 'x'.repeat(1_000_000);
  const { message } = t.throws(() => new main.Registry({ [name]: 1 } as never), { instanceOf: OptionError });
  t.true(message.length < 400);
});

test('the folder of a test stays empty: what is refused opens nothing', async (t) => {
  const folder = folderOf(t);
  const file = { path: `${folder}/agent.log`, colr: true };
  await t.throwsAsync(main.initializeTracing({ kvp: { path: `${folder}/pool`, vmId: 'vm' }, file } as never));
  const { readdirSync } = await import('node:fs');
  t.deepEqual(readdirSync(folder), []);
});
