import test from 'ava';
import * as main from '../src/index.ts';
import * as opentelemetry from '../src/opentelemetry/index.ts';
import * as pino from '../src/pino/index.ts';
import * as reportPage from '../src/report-page/index.ts';
import { exporter, POOL, refused, storeOf, writer } from './helpers/refused.ts';

type Given = never;

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
  renderReport: {
    known: 'records',
    misspelt: 'recrods',
    call: (o) => reportPage.renderReport(main.timeline([]), o),
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

test('every function of the package is here, with its options or without', (t) => {
  const found = [main, pino, opentelemetry, reportPage].flatMap((entry) =>
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
