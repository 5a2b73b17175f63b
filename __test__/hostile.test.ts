import { spawnSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { fieldsJson } from '../src/diagnostics/write/fields-json.ts';
import { LayerError } from '../src/errors.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { StderrLayer } from '../src/layers/stderr-layer.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Fields } from '../src/tracing/fields.ts';
import type { Layer } from '../src/tracing/layer.ts';
import { Registry } from '../src/tracing/registry.ts';
import { type Target, target } from '../src/tracing/target.ts';
import { HOSTILE, revoked, trapped } from './helpers/hostile-values.ts';
import { poolOf } from './helpers/pool-folder.ts';
import { Recorder } from './helpers/recorder.ts';
import { TYPESCRIPT } from './helpers/programs.ts';

const log = target('agent');
const boom = (): never => {
  throw new Error('boom');
};

/** What pool and lines say after a program that must not notice anything. */
async function told(
  t: ExecutionContext,
  program: (log: Target) => unknown,
): Promise<{ diagnostics: Diagnostic[]; lines: string[] }> {
  const path = poolOf(t);
  const lines: string[] = [];
  const heard: Error[] = [];
  const onProblem = (problem: Error) => heard.push(problem);
  const registry = new Registry({ onProblem })
    .with(new EmitKVPLayer({ path, vmId: 'vm', filter: 'trace', maxRecords: 4096, onProblem }))
    .with(new StderrLayer({ writer: { write: (line) => lines.push(line) }, filter: 'trace' }));
  t.notThrows(() => withDefault(registry, () => program(log)));
  t.deepEqual(await registry.shutdown({ timeout: 60_000 }), { complete: true, dropped: 0, problems: [] });
  t.deepEqual(heard, []);
  const { diagnostics, problems, unknown } = readDiagnosticsSync(path);
  t.deepEqual([problems, unknown], [[], []]);
  for (const { text } of diagnostics) t.notThrows(() => JSON.parse(text), text);
  for (const line of lines) t.regex(line, /^\P{Cc}+\n$/u);
  return { diagnostics, lines };
}

/** A layer all of whose hooks throw. */
function thrower(): Layer {
  return {
    name: 'Thrower',
    onNewSpan: boom,
    onRecord: boom,
    onFollowsFrom: boom,
    onEnter: boom,
    onExit: boom,
    onClose: boom,
    onEvent: boom,
  };
}

test('a layer that throws harms neither caller nor siblings, is counted, and reported once', (t) => {
  const problems: Error[] = [];
  const heard: string[] = [];
  const registry = new Registry({ onProblem: (problem) => problems.push(problem) })
    .with(new Recorder({ name: 'before', heard }))
    .with(thrower())
    .with(new Recorder({ name: 'after', heard }));
  const result = withDefault(registry, () =>
    log.inSpan('work', (span) => {
      span.record({ a: 1 }).followsFrom(log.span('cause'));
      log.info('hi');
      return 5;
    }),
  );
  t.is(result, 5);
  const each = heard.filter((line) => line.startsWith('before')).map((line) => line.slice(8));
  t.deepEqual(
    each.map((line) => line.split(' ')[0]),
    ['new', 'enter', 'record', 'new', 'follows', 'event', 'exit', 'close'],
  );
  t.deepEqual(
    heard,
    each.flatMap((line) => [`before: ${line}`, `after: ${line}`]),
  );
  t.like(registry.stats(), { Thrower: { throws: 8 }, before: { throws: 0 } });
  t.is(problems.length, 1);
  t.true(problems[0] instanceof LayerError);
  t.is(problems[0]?.message, 'Thrower threw: boom; it stays in use');
});

const RUNS: Record<string, Required<Pick<Layer, 'run'>>['run']> = {
  'throws before it calls': boom,
  'throws after it called': (_, fn) => (fn(), boom()),
  'throws the same as it called': (_, fn) => {
    try {
      return fn();
    } catch {
      throw new Error('another');
    }
  },
  'never calls': () => undefined as never,
  'calls twice': (_, fn) => (fn(), fn()),
  'returns something else': (_, fn) => (fn(), 'else' as never),
  'swallows what is thrown': (_, fn) => {
    try {
      return fn();
    } catch {
      return undefined as never;
    }
  },
};

for (const [how, run] of Object.entries(RUNS)) {
  test(`a layer whose run() ${how} leaves the caller its result and its error`, async (t) => {
    const problems: Error[] = [];
    const registry = new Registry({ onProblem: (problem) => problems.push(problem) })
      .with({ run: (_, fn) => fn() })
      .with({ name: 'Runner', run });
    const error = new TypeError('own');
    let calls = 0;
    await withDefault(registry, async () => {
      t.is(
        log.inSpan('returns', () => ++calls),
        1,
      );
      t.is(await log.inSpan('resolves', async () => ++calls), 2);
      const throws = () => {
        calls++;
        throw error;
      };
      t.is(
        t.throws(() => log.inSpan('throws', throws)),
        error,
      );
      t.is(await t.throwsAsync(log.inSpan('rejects', async () => throws())), error);
    });
    t.is(calls, 4, 'each ran exactly once');
    t.is(problems.length, how.startsWith('throws') ? 1 : 0);
  });
}

test('a run() that calls the code once more when it is over does not run it again', (t) => {
  let again: (() => unknown) | undefined;
  const registry = new Registry().with({ run: (_, fn) => ((again = fn), undefined as never) });
  let calls = 0;
  withDefault(registry, () => log.inSpan('work', () => ++calls));
  t.is(again?.(), 1);
  t.is(calls, 1);
});

test('a filter that throws hides from its layer only', (t) => {
  const problems: Error[] = [];
  const recorder = new Recorder();
  const registry = new Registry({ onProblem: (problem) => problems.push(problem) })
    .with({ name: 'Filtered', filter: { verbosity: 5, enabled: boom }, onEvent: () => t.fail() })
    .with(recorder);
  withDefault(registry, () => (log.info('one'), log.info('two')));
  t.deepEqual(recorder.heard, ['event one', 'event two']);
  t.is(problems.length, 1);
  t.like(registry.stats(), { Filtered: { throws: 2 } });
});

test('an onProblem that throws harms nobody', (t) => {
  const registry = new Registry({ onProblem: boom }).with(thrower());
  t.notThrows(() => withDefault(registry, () => log.info('hi')));
});

test('flush, shutdown and stats of a layer that throw, reject or hang do not', async (t) => {
  const hanging = () => new Promise<never>(() => {});
  const layers: Layer[] = [
    { name: 'Throwing', flush: boom, shutdown: boom, stats: boom },
    { name: 'Rejecting', flush: async () => boom(), shutdown: async () => boom() },
    { name: 'Hanging', flush: hanging, shutdown: hanging },
    { name: 'Silent', flush: async () => undefined as never },
  ];
  for (const end of ['flush', 'shutdown'] as const) {
    const registry = new Registry({ onProblem: () => {} });
    for (const layer of layers) registry.with(layer);
    const began = performance.now();
    const { complete, dropped, problems } = await registry[end]({ timeout: 20 });
    t.true(performance.now() - began < 10_000);
    t.deepEqual([complete, dropped], [false, 0]);
    t.deepEqual(
      problems.map(({ message }) => message.split(':')[0]),
      ['Throwing', 'Rejecting', 'Hanging'].map((name) => `${name} could not finish`),
    );
    t.like(registry.stats(), { Throwing: { throws: 1 } });
  }
});

test('fields that throw become fields that say so', async (t) => {
  const { diagnostics, lines } = await told(t, () => {
    log.info(boom, 'function');
    log.info(
      {
        get a() {
          return boom();
        },
        b: 1,
      },
      'getter',
    );
    log.info(revoked(), 'revoked');
    log.info(trapped(), 'trapped');
    log.info(revoked());
    log.info(trapped());
    log.inSpan('span', { fields: boom }, (span) => span.record(trapped()));
    for (const given of [null, undefined, 5, Symbol('s')]) log.info(given as never, 'no fields');
  });
  const read = diagnostics.map(({ message, fields }) => [message, { ...fields }]);
  t.deepEqual(read.slice(0, 4), [
    ['function', { fields: '[threw: boom]' }],
    ['getter', { a: '[threw: boom]', b: 1 }],
    ['revoked', { fields: "[unreadable: Cannot perform 'ownKeys' on a proxy that has been revoked]" }],
    ['trapped', { fields: '[unreadable: trap]' }],
  ]);
  t.deepEqual(read[6], [undefined, { fields: '[threw: boom]' }]);
  t.deepEqual(read[7], [undefined, { fields: '[unreadable: trap]' }]);
  t.deepEqual(read.slice(8), [
    ['no fields', { error: null }],
    ['no fields', {}],
    ['no fields', { error: 5 }],
    ['no fields', { error: 'Symbol(s)' }],
  ]);
  t.true(lines[1]?.endsWith(' INFO agent: getter a="[threw: boom]" b=1\n'));
});

test('values of every kind reach pool and lines as what they are', async (t) => {
  const { diagnostics, lines } = await told(t, () => {
    for (const { value, what } of HOSTILE) log.info({ value }, what);
  });
  for (const [index, { what, json, line, sources }] of HOSTILE.entries()) {
    const expected = { value: json, ...(sources && { 'value.sources': sources }) };
    t.deepEqual({ ...diagnostics[index]?.fields }, expected, what);
    t.is(diagnostics[index]?.message, what);
    const text = lines[index]?.slice(lines[index]?.indexOf(`: ${what} value=`)).trimEnd() ?? '';
    const said = text.slice(`: ${what} value=`.length);
    if (typeof line === 'string') t.is(said, line, what);
    else t.regex(said, line, what);
  }
});

test('names and keys may be anything', async (t) => {
  const name = `a|b\0\n${'ü'.repeat(40)}\ud800`;
  const { diagnostics, lines } = await told(t, () => {
    const fields = JSON.parse('{"__proto__":1,"constructor":2,"":3,"a\\"b\\n":4}') as object;
    log.inSpan(name, { fields }, () => target(name).info(fields, 'hi'));
    target('').inSpan('', () => target('').info(''));
  });
  const [start, event] = diagnostics;
  for (const diagnostic of [start, event]) {
    t.is(diagnostic?.name, name.toWellFormed());
    const { fields } = diagnostic as Diagnostic;
    t.deepEqual(Object.entries(fields), [
      ['__proto__', 1],
      ['constructor', 2],
      ['', 3],
      ['a"b\n', 4],
    ]);
  }
  t.is(event?.target, name.toWellFormed());
  t.is(diagnostics.length, 6);
  t.true(lines[1]?.includes(`a|b\\0\\n${'ü'.repeat(40)}\ufffd{__proto__=1 constructor=2 =3 a"b\\n=4}: `));
});

test('a text of 10 MB is cut to 256 KiB at a character and says how much is gone', async (t) => {
  const long = 'é'.repeat(5 * 1024 * 1024);
  const { diagnostics, lines } = await told(t, () => log.info({ long, list: [long] }, `x${long}`));
  const kept = 'é'.repeat(128 * 1024);
  const gone = 10 * 1024 * 1024 - 256 * 1024;
  const [event] = diagnostics;
  t.is(event?.fields['long'], `${kept}… [+${gone} bytes]`);
  t.deepEqual(event?.fields['list'], [`${kept}… [+${gone} bytes]`]);
  t.is(event?.message, `x${kept.slice(1)}… [+${gone + 2} bytes]`);
  t.true(lines[0]?.includes(` long="${kept}… [+${gone} bytes]" list=[ '`));
});

test('a message of the wrong kind is still a message', async (t) => {
  const { diagnostics } = await told(t, () => {
    log.info({ message: { a: 1 } });
    log.info({ message: null }, undefined);
    log.info({ a: 1 }, 5 as never);
    log.info(Object.assign(new Error('x'), { name: '' }));
    log.info(Object.defineProperty(new Error('x'), 'message', { get: boom }));
    log.event('loud' as never, 'level');
  });
  t.deepEqual(
    diagnostics.map(({ message }) => message),
    ['{ a: 1 }', 'null', '5', 'x', '[an error without a message]', 'level'],
  );
  t.is(diagnostics[5]?.level, 'INFO');
});

test('a program with a broken Object.prototype and no stderr goes on', (t) => {
  const source = new URL('../src/index.ts', import.meta.url).pathname;
  const program = `import { Registry, StderrLayer, setGlobalDefault, target } from ${JSON.stringify(source)};
    Object.defineProperty(Object.prototype, 'a', { get() { throw new Error('polluted'); }, configurable: true });
    setGlobalDefault(new Registry().with(new StderrLayer({ filter: 'trace' })));
    const log = target('agent');
    log.inSpan('work', () => log.info({ b: 1 }, 'hi'));
    console.log('done');`;
  const { stdout, status } = spawnSync(
    process.execPath,
    [...TYPESCRIPT, '--input-type=module', '-e', program],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  t.deepEqual([stdout, status], ['done\n', 0]);
});

test('an array that holds itself many times costs no more than its members', (t) => {
  const array: unknown[] = [];
  for (let i = 0; i < 200; i++) array.push(array);
  const json = fieldsJson('{', new Fields(['a'], [array]), '}');
  t.is(json, `{"a":[${array.map(() => '"[Circular]"').join(',')}]}`);
  const shared = Array.from({ length: 200 }, () => Array.from({ length: 200 }, () => [1, 2, 3]));
  t.true(fieldsJson('{', new Fields(['a'], [shared]), '}').length < 200_000);
});
