import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import fc from 'fast-check';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { MemoryLayer } from '../src/layers/memory-layer.ts';
import { StderrLayer } from '../src/layers/stderr-layer.ts';
import { OpenTelemetryLayer } from '../src/opentelemetry/index.ts';
import { JsonLayer } from '../src/pino/index.ts';
import { initializeTracing } from '../src/setup/initialize-tracing.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { HOSTILE } from './helpers/hostile-values.ts';
import { poolOf } from './helpers/pool-folder.ts';
import { processorTime } from './helpers/processor-time.ts';

/** How many values are tried; `FUZZ_RUNS=20000 npx ava __test__/values-fuzz.test.ts` tries more. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 150);

const SECRET = 's3cret-5f2c';
const SECRET_NAMES = [
  'password',
  'adminPassword',
  'DB_PASSWORD',
  'x-api-key',
  'Authorization',
  'client_secret',
  'sas',
];
/** What a line must not have in it. */
const HARMFUL = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

/** Makes one object around another, or around a secret under the name of one. */
type Wrap = (name: string, inner: unknown) => unknown;

const context = createContext({});
const inRealm = (code: string) => runInContext(code, context) as Wrap;

/** The ways in which a named value can be held. */
const HOLDERS: readonly Wrap[] = [
  (name, inner) => ({ [name]: inner }),
  (name, inner) => ({ [Symbol(name)]: inner }),
  (name, inner) => Object.assign(Object.create(null) as object, { [name]: inner }),
  (name, inner) => Object.create({ [name]: inner }) as object,
  (name, inner) => new Map([[name, inner]]),
  (name, inner) => new Map([[Symbol(name), inner]]),
  (name, inner) => new Map([[{ [name]: inner }, 1]]),
  (name, inner) => new Set([{ [name]: inner }]),
  (name, inner) => [1, [[name, inner]]],
  (name, inner) => Object.assign([1, 2], { [name]: inner }),
  (name, inner) =>
    Object.assign(
      Array.from({ length: 300 }, () => ({})),
      { 7: { [name]: inner } },
    ),
  (name, inner) => Object.assign(new Error('text'), { [name]: inner }),
  (name, inner) => new TypeError('text', { cause: { [name]: inner } }),
  (name, inner) => new AggregateError([{ [name]: inner }], 'text'),
  (name, inner) => Object.assign(new DOMException('text'), { [name]: inner }),
  (name, inner) => Object.assign(() => {}, { [name]: inner }),
  (name, inner) => Object.assign(class Named {}, { [name]: inner }),
  (name, inner) => Object.assign(new Date(0), { [name]: inner }),
  (name, inner) => Object.assign(/x/u, { [name]: inner }),
  (name, inner) => Object.assign(Buffer.from('x'), { [name]: inner }),
  (name, inner) => Object.assign(new Int8Array(1000), { [name]: inner }),
  (name, inner) => Object.assign(Object('text') as object, { [name]: inner }),
  (name, inner) => new Proxy({ [name]: inner }, {}),
  (name, inner) => new Proxy({ [name]: inner }, { ownKeys: () => [] }),
  (name, inner) => new Proxy([{ [name]: inner }], {}),
  (name, inner) => Object.defineProperty({}, name, { enumerable: true, get: () => inner }),
  (name, inner) => Object.defineProperty({ a: 1 }, name, { value: inner }),
  (name, inner) => alternating({ [name]: inner }),
  (name, inner) => new Promise((resolve) => resolve({ [name]: inner })),
  (name, inner) => new Map([[name, inner]]).entries(),
  (name, inner) => new WeakRef({ [name]: inner }),
  (name, inner) => ({ toJSON: () => ({ [name]: inner }), [inspect.custom]: () => ({ [name]: inner }) }),
  (name, inner) => new Holder(name, inner),
  (name, inner) => Object.setPrototypeOf(new Map([[name, inner]]), null) as object,
  (name, inner) =>
    Object.setPrototypeOf([{ [name]: inner }], { map: () => [], *[Symbol.iterator]() {} }) as object,
  inRealm('(name, inner) => ({ [name]: inner })'),
  inRealm('(name, inner) => new Map([[name, inner]])'),
  inRealm('(name, inner) => new Set([{ [name]: inner }])'),
  inRealm('(name, inner) => [{ [name]: inner }]'),
  inRealm('(name, inner) => Object.assign(new Error("text"), { [name]: inner })'),
  inRealm('(name, inner) => new Error("text", { cause: { [name]: inner } })'),
  inRealm('(name, inner) => new Proxy({ [name]: inner }, {})'),
  inRealm('(name, inner) => Object.assign(Object.create(null), { [name]: inner })'),
  inRealm('(name, inner) => Object.create({ [name]: inner })'),
  inRealm('(name, inner) => ({ get [name]() { return inner; } })'),
  inRealm('(name, inner) => new (class { constructor() { this[name] = inner; } })()'),
  inRealm('(name, inner) => new AggregateError([{ [name]: inner }], "text")'),
  inRealm('(name, inner) => Object.assign(new Date(0), { [name]: inner })'),
  inRealm('(name, inner) => Object.assign(/x/u, { [name]: inner })'),
  inRealm('(name, inner) => Object.assign(() => {}, { [name]: inner })'),
  inRealm('(name, inner) => Object.assign(new Int8Array(4), { [name]: inner })'),
  inRealm('(name, inner) => Object.assign(Object("text"), { [name]: inner })'),
  inRealm('(name, inner) => Object.assign(Promise.resolve(), { [name]: inner })'),
  inRealm('(name, inner) => Promise.resolve({ [name]: inner })'),
  inRealm('(name, inner) => new Map([[name, inner]]).entries()'),
  inRealm('(name, inner) => [1, [[name, inner]]]'),
  inRealm('(name, inner) => ({ name, value: inner })'),
  (name, inner) => ({ name, value: inner }),
  (name, inner) => [1, { Key: name, Values: [inner] }],
  (name, inner) => ({ rawHeaders: ['Host', 'h', name, inner] }),
];

/** Holders that can but hold a text. */
const TEXT_HOLDERS: readonly Wrap[] = [
  (name, inner) => new URLSearchParams([[name, String(inner)]]),
  (name, inner) => new URL(`http://h/?${encodeURIComponent(name)}=${String(inner)}`),
  (name, inner) => new URL(`http://${encodeURIComponent(name)}:${String(inner)}@h/`),
  (name, inner) => new Headers([[name, String(inner)]]),
  (name, inner) => new Request('http://h/', { headers: [[name, String(inner)]] }),
  (name, inner) => {
    const form = new FormData();
    form.append(name, String(inner));
    return form;
  },
];

class Holder {
  readonly #inner: object;
  constructor(name: string, inner: unknown) {
    this.#inner = { [name]: inner };
  }
  toJSON(): object {
    return this.#inner;
  }
  [inspect.custom](): object {
    return this.#inner;
  }
}

/** Holds something else each time that it is asked. */
function alternating(inner: unknown): object {
  let asked = 0;
  return {
    get member() {
      return asked++ % 2 === 0 ? { harmless: 1 } : inner;
    },
  };
}

const pick = (wraps: readonly Wrap[]) => fc.constantFrom(...wraps);
const anyName = fc.oneof(
  fc.constantFrom('a', 'b', 'name', '__proto__', 'constructor', 'length', 'toJSON', 'cause', 'message'),
  fc.string({ unit: 'binary' }),
);
const harmless = fc.oneof(
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
  }),
  fc.string({ unit: 'binary' }),
  fc.constant('\u001b[2J\u009b\u202e\u2028\r\n'),
);

/** A secret under a secret name, in up to 30 layers of anything, beside anything. */
const planted: fc.Arbitrary<unknown> = fc
  .record({
    leaf: fc.oneof(
      fc.tuple(
        pick(HOLDERS),
        fc.constantFrom(...SECRET_NAMES),
        fc.constantFrom(SECRET, [SECRET], { deep: SECRET }),
      ),
      fc.tuple(pick(TEXT_HOLDERS), fc.constantFrom(...SECRET_NAMES), fc.constant(SECRET)),
    ),
    around: fc.array(fc.tuple(pick(HOLDERS), anyName), { maxLength: 30, size: 'small' }),
    beside: harmless.map((made) => ({ made })),
    hostile: fc.nat({ max: HOSTILE.length - 1 }),
    isCyclic: fc.boolean(),
  })
  .map(({ leaf: [hold, name, secret], around, beside, hostile, isCyclic }) => {
    let value = hold(name, secret);
    for (const [wrap, outer] of around) {
      try {
        value = wrap(outer, value);
      } catch {
        // Nothing can be called so there.
      }
    }
    const all: Record<string, unknown> = { value, beside: beside.made, hostile: HOSTILE[hostile]?.value };
    if (isCyclic) all['self'] = all;
    return all;
  });

/** As a person looks at what a `MemoryLayer` kept; some values throw whenever they are looked at. */
function inspected(kept: unknown, given: unknown): string {
  try {
    return inspect(kept, { depth: 60, showHidden: true });
  } catch (thrown) {
    try {
      inspect(given, { depth: 60, showHidden: true });
    } catch {
      return '';
    }
    throw thrown;
  }
}

interface Outputs {
  [output: string]: string;
}

/** A pool's text, whatever its records are cut at. */
function payloads(path: string): string {
  return readFileSync(path, 'utf8').replaceAll('\0', '');
}

test('whatever a value is, no output has its secrets, none throws, lines have no controls, and all is bounded', async (t) => {
  const path = poolOf(t);
  const problems: Error[] = [];
  const onProblem = (problem: Error): void => void problems.push(problem);
  const memory = new MemoryLayer();
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const lines: Record<string, string[]> = { full: [], compact: [], pretty: [], json: [] };
  const writerOf = (name: string) => ({ write: (line: string) => void lines[name]?.push(line) });
  const room = { maxRecords: 2 ** 31, queueBytes: 2 ** 26 };
  const kvp = new EmitKVPLayer({ path, vmId: 'vm', filter: 'trace', ...room, onProblem });
  const registry = new Registry({ onProblem })
    .with(kvp)
    .with(new OpenTelemetryLayer({ provider, filter: 'trace', onProblem }))
    .with(memory)
    .with(new JsonLayer({ writer: writerOf('json'), filter: 'trace', onProblem }));
  for (const format of ['full', 'compact', 'pretty'] as const) {
    registry.with(
      new StderrLayer({ format, writer: writerOf(format), filter: 'trace', color: false, onProblem }),
    );
  }
  const log = target('fuzz');

  /** What all outputs say of a value in fields of a span, recorded later, of an event, thrown and returned. */
  const outputsOf = (value: unknown, name: string): Outputs => {
    const fails = log.instrument({ name: 'fails', err: true, ret: true }, () => {
      throw value;
    });
    withDefault(registry, () => {
      log.inSpan('work', { fields: { [name]: value } }, (span) => {
        span.record({ later: value });
        log.info({ [name]: value, list: [value] }, 'event');
        log.info({ message: value });
        if (typeof value === 'object' && value !== null) log.warn(value);
        try {
          fails();
        } catch {
          // It goes on as it is.
        }
      });
    });
    const spans = exporter
      .getFinishedSpans()
      .map(({ attributes, events, status }) => ({ attributes, events, status }));
    exporter.reset();
    const kept = memory.take();
    const json: Outputs = Object.fromEntries(
      Object.entries(lines).map(([format, all]) => [format, all.splice(0).join('')]),
    );
    return {
      ...json,
      OpenTelemetry: inspect(spans, { depth: 9, maxStringLength: 1e7 }),
      memory: inspected(kept, value),
    };
  };

  await fc.assert(
    fc.asyncProperty(planted, fc.oneof(anyName, fc.constantFrom(...SECRET_NAMES)), async (value, name) => {
      const began = processorTime();
      const outputs = outputsOf(value, name);
      t.true(processorTime() - began < 5000, 'in bounded time');
      for (const [output, text] of Object.entries(outputs)) {
        if (text.includes(SECRET)) throw new Error(`${output}: ${text.slice(0, 4000)}`);
        if (text.length > 8e6) throw new Error(`${output} has ${text.length} characters`);
      }
      for (const format of Object.keys(lines)) {
        for (const line of outputs[format]?.split('\n') ?? []) {
          if (HARMFUL.test(line)) throw new Error(`${format}: ${inspect(line)}`);
        }
      }
      if (problems.length > 0) throw problems[0];
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  );
  await registry.shutdown();
  t.false(payloads(path).includes(SECRET));
  t.deepEqual(
    problems.map(({ message }) => message),
    [],
  );
});

test('whatever a value is, no report has its secrets', async (t) => {
  const path = poolOf(t);
  const tracing = await initializeTracing({ kvp: { path, vmId: 'vm', filter: 'off' }, stderr: false });
  await fc.assert(
    fc.asyncProperty(planted, async (value) => {
      const { text } = await tracing.reportFailure(value as Error, { config: value });
      if (text.includes(SECRET)) throw new Error(text);
    }),
    { numRuns: Math.ceil(RUNS / 5) },
  );
  await tracing.shutdown();
  t.pass();
});
