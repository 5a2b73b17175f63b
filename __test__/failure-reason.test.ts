import { SpanStatusCode } from '@opentelemetry/api';
import test, { type ExecutionContext } from 'ava';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { timeline } from '../src/diagnostics/timeline/timeline.ts';
import { diagnostics } from '../src/diagnostics/write/diagnostics-writer.ts';
import { withReason } from '../src/diagnostics/write/reason-members.ts';
import { renderTree } from '../src/format/render-tree.ts';
import { EmitKVPLayer, type EmitKVPLayerOptions } from '../src/layers/emit-kvp-layer.ts';
import { MemoryLayer, type MemorySpan } from '../src/layers/memory-layer.ts';
import { StderrLayer, type StderrLayerOptions } from '../src/layers/stderr-layer.ts';
import { JsonLayer } from '../src/pino/json-layer.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { type Target, target } from '../src/tracing/target.ts';
import { poolOf } from './helpers/pool-folder.ts';
import { told as processed } from './helpers/processed-spans.ts';
import { replayed } from './helpers/replayed.ts';

/** What the pool and a memory layer say after a program. */
async function told(
  t: ExecutionContext,
  program: (log: Target) => unknown,
  options: EmitKVPLayerOptions = {},
): Promise<{ diagnostics: Diagnostic[]; spans: MemorySpan[]; dropped: number }> {
  const path = poolOf(t);
  const memory = new MemoryLayer();
  const registry = new Registry({ onProblem: () => {} })
    .with(new EmitKVPLayer({ vmId: 'vm', onProblem: () => {}, ...options, path }))
    .with(memory);
  await withDefault(registry, () => program(target('agent')));
  const { dropped } = await registry.shutdown();
  const { diagnostics: found, problems } = readDiagnosticsSync(path);
  t.deepEqual(problems, []);
  return { diagnostics: found, spans: memory.take().spans, dropped };
}

const throws = (thrown: unknown) => (): never => {
  throw thrown;
};

const whys: [title: string, program: (log: Target) => unknown, reason: unknown, sources?: string[]][] = [
  ['an Error', (log) => log.inSpan('x', throws(new Error('boom'))), 'boom'],
  [
    'an Error with causes',
    (log) => log.inSpan('x', throws(new Error('boom', { cause: new Error('disk', { cause: 'EIO' }) }))),
    'boom',
    ['disk', 'EIO'],
  ],
  ['a rejection', (log) => log.inSpan('x', () => Promise.reject(new TypeError('late'))), 'late'],
  ['a text', (log) => log.inSpan('x', throws('just text')), 'just text'],
  ['a number', (log) => log.inSpan('x', throws(404)), '404'],
  ['undefined', (log) => log.inSpan('x', throws(undefined)), 'undefined'],
  ['an object', (log) => log.inSpan('x', throws({ code: 5 })), '{ code: 5 }'],
  ['an Error without a message', (log) => log.inSpan('x', throws(new RangeError(''))), 'RangeError'],
  ['what fail said', (log) => log.inSpan('x', (span) => void span.fail('said so')), 'said so'],
  ['what fail said last', (log) => log.inSpan('x', (span) => void span.fail('one').fail('two')), 'two'],
  [
    'an ERROR event',
    (log) =>
      log.inSpan('x', () => {
        log.error('first');
        log.error('no answer');
      }),
    'no answer',
  ],
  [
    'an Error as an ERROR event',
    (log) => log.inSpan('x', () => log.error(new Error('own', { cause: new Error('root') }))),
    'own',
    ['root'],
  ],
  [
    'an ERROR event about an Error',
    (log) => log.inSpan('x', () => log.error(new Error('own', { cause: 'root' }), 'request failed')),
    'request failed',
    ['own', 'root'],
  ],
  [
    'what was thrown, not what was said before',
    (log) =>
      log.inSpan('x', (span) => {
        log.error('an error');
        span.fail('said');
        throw new Error('thrown');
      }),
    'thrown',
  ],
  ['nothing, where nobody said why', (log) => log.inSpan('x', (span) => void span.fail()), undefined],
  [
    'an ERROR event where fail says nothing',
    (log) =>
      log.inSpan('x', (span) => {
        log.error('because');
        span.fail();
      }),
    'because',
  ],
  [
    'no secrets in what was thrown',
    (log) => log.inSpan('x', throws({ user: 'u', password: 'hunter2' })),
    "{ user: 'u', password: '[redacted]' }",
  ],
];

for (const [title, program, reason, sources] of whys) {
  test(`the pool, its timeline and a memory layer say why a span failed: ${title}`, async (t) => {
    const { diagnostics, spans } = await told(t, async (log) => {
      await Promise.resolve()
        .then(() => program(log))
        .catch(() => {});
    });
    const finish = diagnostics.find(({ kind }) => kind === 'finish');
    t.is(finish?.result, 'fail');
    t.is(finish?.reason, reason as string | undefined);
    t.deepEqual(finish?.sources, sources);
    const [root] = timeline(diagnostics).roots;
    t.deepEqual([root?.reason, root?.sources], [finish?.reason, sources]);
    t.deepEqual([spans[0]?.result, spans[0]?.reason], ['fail', reason as string | undefined]);
    t.deepEqual(spans[0]?.sources, sources ?? []);
  });
}

test('a span that succeeded has no reason, whatever was said before', async (t) => {
  const { diagnostics, spans } = await told(t, (log) =>
    log.inSpan('x', (span) => {
      log.error('an error');
      span.fail('said').succeed();
    }),
  );
  t.is(diagnostics.at(-1)?.result, 'success');
  t.false(diagnostics.at(-1)?.text.includes('reason'));
  t.deepEqual([spans[0]?.result, spans[0]?.reason], ['success', undefined]);
});

test('a reason and its sources have at most 1,024 bytes together and end at a character', async (t) => {
  const fields = { filler: 'f'.repeat(1850) };
  for (const [reason, cause] of [
    ['x'.repeat(5000), 'root'],
    ['é'.repeat(800), 'root'],
    ['😀'.repeat(400), 'root'],
    [`a${'😀'.repeat(400)}`, 'root'],
    ['short', 'y'.repeat(3000)],
  ] as const) {
    const { diagnostics } = await told(t, (log) => {
      const run = () => log.inSpan('x', { fields }, throws(new Error(reason, { cause })));
      t.throws(run);
    });
    const { reason: kept = '', sources = [] } = diagnostics.at(-1) ?? ({} as Diagnostic);
    const bytes = Buffer.byteLength(kept + sources.join(''));
    t.true(bytes <= 1024 && bytes > 1000, `${bytes}`);
    t.true(reason.startsWith(kept) && kept.isWellFormed());
    t.true(sources.every((source) => cause.startsWith(source)));
  }
});

for (const reason of ['x'.repeat(5000), '\0'.repeat(2000), '"\\'.repeat(900), '\ud800'.repeat(900)]) {
  test(`a full pool has the finish with as much of its reason as was reserved: ${JSON.stringify(reason.slice(0, 2))}`, async (t) => {
    for (const filler of [0, 300, 600, 690, 700, 710, 800, 900, 1800, 5000]) {
      const { diagnostics } = await told(
        t,
        (log) => {
          const failed = log.span('failed', { fields: { filler: 'é'.repeat(filler / 2) } });
          for (let i = 0; i < 60; i++) log.warn('fills the pool');
          failed.fail(reason).close();
        },
        { maxRecords: 40 },
      );
      const finish = diagnostics.find(({ kind }) => kind === 'finish');
      t.is(finish?.result, 'fail', `${filler}`);
      t.true(reason.toWellFormed().startsWith(finish?.reason ?? 'none'), `${filler}`);
      t.true((finish?.reason ?? '').length > 2, `${filler}`);
    }
  });
}

test('a reason never makes a payload longer than the room or its last record', (t) => {
  for (let length = 0; length < 2200; length += 7) {
    for (const room of [0, 1022, 2041]) {
      const payload = `{"fields":{"a":"${'x'.repeat(length)}"}}`;
      const failure = { reason: 'ä"\n'.repeat(300), sources: ['one', '😀'.repeat(50)] };
      const whole = withReason(payload, failure, room);
      const records = Math.ceil(payload.length / 1022);
      t.true(Buffer.byteLength(whole) <= Math.max(room, records * 1022), `${length} ${room}`);
      t.notThrows(() => JSON.parse(whole));
    }
  }
});

test("a replayed span's status says why it failed", async (t) => {
  const path = poolOf(t);
  const registry = new Registry().with(new EmitKVPLayer({ vmId: 'vm', path }));
  withDefault(registry, () => {
    t.throws(() => target('agent').inSpan('x', throws(new Error('boom', { cause: new Error('disk') }))));
  });
  await registry.shutdown();
  const { named } = await replayed(path);
  t.deepEqual(named('x').status, { code: SpanStatusCode.ERROR, message: 'boom' });
  t.deepEqual(named('x').attributes['reason.sources'], ['disk']);
});

test("a span of OpenTelemetry's has the reason of its status, else of its last exception", async (t) => {
  const found = await processed(t, (tracer) => {
    for (const message of ['refused', undefined]) {
      const span = tracer.startSpan('GET');
      span.recordException(new TypeError('boom'));
      span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
      span.end();
    }
    tracer.startSpan('fine').end();
  });
  const finishes = found.filter(({ kind }) => kind === 'finish');
  t.deepEqual(
    finishes.map(({ reason }) => reason),
    ['refused', 'boom', undefined],
  );
});

/** The lines of a program's failed span in a format, without times. */
function linesOf(program: (log: Target) => unknown, options: StderrLayerOptions): string[] {
  const lines: string[] = [];
  const writer = { write: (line: string) => lines.push(line) };
  const layer = new StderrLayer({ filter: 'info', spanEvents: ['close'], color: false, ...options, writer });
  withDefault(new Registry().with(layer), () => {
    try {
      program(target('agent'));
    } catch {
      // Its span says it.
    }
  });
  return lines;
}

const failing = (log: Target): unknown =>
  log.inSpan('x', throws(new Error('say "no"\n\u001b[2J', { cause: new Error('disk', { cause: 'EIO' }) })));
const FULL =
  /time\.busy=\S+ time\.idle=\S+ result=fail reason="say \\"no\\"\\n\\u\{1b\}\[2J" reason\.sources=\[disk, EIO\]\n$/;

test('the close line of a failed span ends in its result and reason, quoted as fields are', (t) => {
  for (const format of ['full', 'compact'] as const) t.regex(linesOf(failing, { format }).join(''), FULL);
  t.regex(
    linesOf(failing, { format: 'pretty' }).join(''),
    /close, time\.busy: \S+, time\.idle: \S+, result: fail, reason: "say [^\n]*", reason\.sources: \[disk, EIO\]\n/,
  );
  const one = linesOf((log) => log.inSpan('x', throws(new Error('boom', { cause: 'EIO' }))), {});
  t.regex(one.join(''), / reason="boom" reason\.sources=\[EIO\]\n$/);
  const none = linesOf((log) => log.inSpan('x', throws(new Error('boom'))), {});
  t.regex(none.join(''), / reason="boom"\n$/);
  const seen = linesOf((log) => log.inSpan('x', () => log.error('an error')), {});
  t.regex(seen.at(-1) ?? '', /time\.idle=\S+ result=fail reason="an error"\n$/);
  const unexplained = linesOf((log) => log.inSpan('x', (span) => void span.fail()), {});
  t.regex(unexplained.join(''), /time\.idle=\S+ result=fail\n$/);
  const fine = linesOf((log) => log.inSpan('x', () => log.warn('careful')), {});
  t.regex(fine.at(-1) ?? '', /time\.idle=\S+\n$/);
});

test("lines have an Error's stack where asked for, in the one line of its event", (t) => {
  const program = (log: Target): unknown =>
    log.inSpan('x', () => {
      log.warn({ error: new Error('first'), other: 1 }, 'careful');
      throw new Error('boom');
    });
  for (const line of linesOf(program, {})) t.notRegex(line, /stack|reasons?-|\.ts:/);
  const [event = '', close = ''] = linesOf(program, { stacks: true });
  t.regex(event, /careful error=first error\.stack="Error: first\\n    at [^"\n]+" other=1\n$/);
  t.regex(close, / reason="boom" reason\.stack="Error: boom\\n    at [^"\n]+"\n$/);
  t.throws(() => new StderrLayer({ stacks: 1 as never }), { message: /stacks/ });
});

test("a line of JSON has a failed span's result and reason as members", (t) => {
  const lines: string[] = [];
  const writer = { write: (line: string) => lines.push(line) };
  const layer = new JsonLayer({ writer, filter: 'info', spanEvents: ['close'] });
  withDefault(new Registry().with(layer), () => {
    t.throws(() => failing(target('agent')));
    target('agent').inSpan('fine', () => {});
  });
  const [failed, fine] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  t.like(failed, { result: 'fail', reason: 'say "no"\n\u001b[2J', 'reason.sources': ['disk', 'EIO'] });
  t.false('result' in (fine ?? {}));
});

test("format azure-init has no reasons: its host's readers know none", async (t) => {
  const { diagnostics } = await told(t, (log) => log.inSpan('x', (span) => void span.fail('said so')), {
    format: 'azure-init',
  });
  t.deepEqual(
    diagnostics.map(({ kind, text }) => [kind, text.includes('said so')]),
    [['finish', false]],
  );
});

test('a tree says why a span failed, with what fields, and of events their results and durations', async (t) => {
  const { diagnostics } = await told(t, (log) => {
    for (const attempt of [1, 2]) {
      const get = () =>
        log.inSpan('imds_get', { fields: { attempt } }, throws(new Error('no "route"\n', { cause: 'EIO' })));
      t.throws(get);
    }
  });
  const tree = renderTree(timeline(diagnostics)).replace(/ {2}[\d.]+ .?s/g, '');
  t.is(
    tree,
    `imds_get  fail  attempt=1 reason="no \\"route\\"\\n" reason.sources=["EIO"]
imds_get  fail  attempt=2 reason="no \\"route\\"\\n" reason.sources=["EIO"]`,
  );
});

test('in a tree an artifact is one line with its size, and an event of a program without spans has its name', async (t) => {
  const path = poolOf(t);
  using writer = diagnostics(path, { vmId: 'vm' });
  await writer.event('imds_get', { attempt: 3 }, { result: 'fail', duration: 0.5 });
  await writer.event('note', 'one line');
  await writer.artifact('mkfs.log', Buffer.from('line\n'.repeat(32_000)));
  await writer.artifact('image', Buffer.alloc(70_000, 0xff));
  t.is(
    renderTree(timeline(readDiagnosticsSync(path).diagnostics)),
    `imds_get attempt=3 500 ms fail
note one line
mkfs.log 160000 bytes
image 70000 bytes`,
  );
});
