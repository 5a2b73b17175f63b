import { InMemorySpanExporter } from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import { OptionError } from '../src/errors.ts';
import * as main from '../src/index.ts';
import * as opentelemetry from '../src/opentelemetry/index.ts';
import * as pino from '../src/pino/index.ts';
import { renderReport } from '../src/report-page/index.ts';
import { folderOf, poolOf } from './helpers/pool-folder.ts';
import { POOL, PRODUCER, refused } from './helpers/refused.ts';

type Given = never;

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
  [/^source must be what readDiagnostics\(\), .*, not null$/, () => renderReport(null as never)],
  [
    /^before must be what readDiagnostics\(\), .*, not "pool"$/,
    () => renderReport(main.timeline([]), { before: 'pool' as never }),
  ],
  [
    /^records must be a list of records, not "all"$/,
    () => renderReport(main.timeline([]), { records: 'all' as never }),
  ],
  [
    /^summary must be an object of options, not 5$/,
    () => renderReport(main.timeline([]), { summary: 5 as never }),
  ],
  [
    /^content must be what readDiagnostics\(\) found, not a promise; was await forgotten\?$/,
    () => main.summarize(main.readDiagnostics(POOL).catch(() => {}) as never),
  ],
  [/^content must be what readDiagnostics\(\) found, not 5$/, () => main.lastBoot(5 as never)],
  [/^content must be what readDiagnostics\(\) found, not null$/, () => main.storedFiles(null as never)],
  [/^timeline must be what timeline\(\) returned, not an object$/, () => main.ownTimes({} as never)],
  [
    /^after must be what timeline\(\) returned, not undefined$/,
    () => main.compareTimelines(main.timeline([]), undefined as never),
  ],
  [/^bytes must be a Buffer or Uint8Array, not "<Objs>"$/, () => main.readExport('<Objs>' as never)],
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

test('the stack of an error says what its message says, once', (t) => {
  const error = t.throws(() => new main.Registry({ redct: [] } as never), { instanceOf: OptionError });
  t.true(error.stack?.startsWith(`OptionError: ${error.message}\n    at `), error.stack);
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
