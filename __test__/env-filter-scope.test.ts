import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import '../src/filter/text-filters.ts';
import { EnvFilter } from '../src/filter/env-filter.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import type { FilterInput } from '../src/tracing/filter.ts';
import type { Metadata } from '../src/tracing/metadata.ts';
import { Registry } from '../src/tracing/registry.ts';
import { Span } from '../src/tracing/span.ts';
import { target } from '../src/tracing/target.ts';
import { Recorder } from './helpers/recorder.ts';

const log = target('agent');

/** What a layer with this filter hears of events, beside a layer that hears everything. */
function heard(filter: FilterInput, fn: () => void): (string | undefined)[] {
  const recorder = new Recorder({ filter });
  withDefault(new Registry().with(new Recorder()).with(recorder), fn);
  return recorder.events.map(({ message }) => message);
}

/** The same of async code. */
async function heardOf(filter: FilterInput, fn: () => Promise<void>): Promise<(string | undefined)[]> {
  const recorder = new Recorder({ filter });
  await withDefault(new Registry().with(recorder), fn);
  return recorder.events.map(({ message }) => message);
}

test('what runs inside of a matching span is heard, across awaits, timers and callbacks', async (t) => {
  const messages = await heardOf('[provision]=debug', async () => {
    log.debug('before');
    await log.inSpan('provision', async (span) => {
      await sleep(1);
      log.debug('after an await');
      log.trace('too verbose');
      await new Promise<void>((resolve) => setTimeout(() => (log.debug('in a timer'), resolve()), 1));
      await log.inSpan('inner', async () => log.debug('further inside'));
      await new Promise<void>((resolve) => setImmediate(span.bind(() => (log.debug('bound'), resolve()))));
    });
    log.debug('after');
  });
  t.deepEqual(messages, ['after an await', 'in a timer', 'further inside', 'bound']);
});

test('tasks that run at the same time do not open each other', async (t) => {
  const messages = await heardOf('[task{id=7}]=debug', async () => {
    const tasks = Array.from({ length: 20 }, (_, id) =>
      log.inSpan('task', { fields: { id } }, async () => {
        for (let step = 0; step < 3; step++) {
          await sleep(0);
          log.debug(`${id}`);
        }
      }),
    );
    await Promise.all(tasks);
  });
  t.deepEqual(messages, ['7', '7', '7']);
});

test('a generator is inside of its span when it is resumed, and its caller is not', (t) => {
  const messages = heard('[steps]=debug', () => {
    const steps = log.inSpan('steps', function* () {
      log.debug('one');
      yield;
      log.debug('two');
    } as () => Generator<undefined>);
    steps.next();
    log.debug('between');
    steps.next();
  });
  t.deepEqual(messages, ['one', 'two']);
});

test('inside is where code runs, not what a parent says', (t) => {
  const messages = heard('[outer]=debug', () => {
    const outer = log.span('outer');
    outer.debug('told to the span');
    log.inSpan('child', { parent: outer }, () => log.debug('in a child that runs elsewhere'));
    outer.inScope(() => {
      log.inSpan('root', { parent: null }, () => log.debug('in a root that runs inside'));
      const elsewhere = withDefault(new Registry().with(new Recorder()), () => log.span('foreign'));
      elsewhere.inScope(() => log.debug("in another subscriber's span"));
    });
    outer.close();
    outer.inScope(() => log.debug('in a closed span'));
  });
  t.deepEqual(messages, ['in a root that runs inside', "in another subscriber's span"]);
});

test('spans open more than once, and the most verbose one counts', (t) => {
  const messages = heard('[wide]=trace,[narrow]=info', () => {
    log.inSpan('wide', () => log.inSpan('narrow', () => log.trace('both')));
    log.inSpan('narrow', () => {
      log.inSpan('wide', () => log.trace('both again'));
      log.debug('narrow alone');
      log.info('narrow');
    });
  });
  t.deepEqual(messages, ['both', 'both again', 'narrow']);
});

test('only the layer whose filter names a span hears more inside of it', (t) => {
  const [plain, open] = [new Recorder({ filter: 'info' }), new Recorder({ filter: 'info,[work]=debug' })];
  withDefault(new Registry().with(plain).with(open), () =>
    log.inSpan('work', () => {
      log.inSpan('detail', { level: 'debug' }, () => log.debug('debug'));
      log.info('info');
    }),
  );
  t.deepEqual(plain.heard, ['new work', 'enter work', 'event info in work', 'exit work', 'close work']);
  t.is(open.events[0]?.parent?.name, 'detail');
  t.deepEqual(open.only('event'), ['event debug in detail', 'event info in work']);
});

test('a span that a layer does not see opens nothing for it', (t) => {
  // The span is more verbose than anything that the filter names.
  const messages = heard('info,[work]=debug', () =>
    log.inSpan('work', { level: 'trace' }, () => log.debug('debug')),
  );
  t.deepEqual(messages, []);
});

test('what must pass several filters passes each by its own right', (t) => {
  const recorder = new Recorder({ filter: 'warn,[b]=debug' });
  const registry = new Registry().with(new EnvFilter('info,[a]=debug')).with('debug').with(recorder);
  withDefault(registry, () => {
    log.info('not on the layer');
    log.inSpan('a', () => log.debug('a'));
    log.inSpan('b', () => {
      log.info('b');
      log.debug('b');
      log.inSpan('a', () => (log.debug('a and b'), log.trace('a and b')));
    });
  });
  t.deepEqual(recorder.only('event'), ['event b in b', 'event a and b in a']);
});

test('a value that was recorded counts from the next enter, and stays matched', (t) => {
  const messages = heard('[work{user=alice,tries=2}]=debug', () => {
    const span = log.span('work', { fields: { user: 'alice', tries: undefined } });
    span.inScope(() => {
      log.debug('not yet');
      span.record({ tries: 2 });
      log.debug('still not');
    });
    span.inScope(() => log.debug('now'));
    span.record({ tries: 3 });
    span.inScope(() => log.debug('still'));
    const other = log.span('work', { fields: { user: 'alice' } });
    other.record({ tries: 2 });
    other.inScope(() => log.debug('a name that was not there takes no part'));
  });
  t.deepEqual(messages, ['now', 'still']);
});

test('fields of a target count like those of the span or event', (t) => {
  const messages = heard('[{user}]=debug,[{id=1}]=trace', () => {
    const child = target('agent', { user: 'alice' }).child({ id: 1 });
    child.debug('event');
    log.debug('not this');
    child.inSpan('span', () => log.trace('inside'));
  });
  t.deepEqual(messages, ['event', 'inside']);
});

test('the message is a field, and an error is one named error', (t) => {
  const emit = (): void => {
    log.info('text');
    log.info({ a: 1 });
    log.info({ message: 'as a field' });
    log.debug(new Error('broken'));
    log.debug(() => new Error('lazily'));
    log.debug({ error: 1 });
  };
  t.deepEqual(heard('[{message}]=info', emit), ['text', 'as a field']);
  t.deepEqual(heard('[{error}]=debug', emit), ['broken', 'lazily', undefined]);
  // Of two that name as many fields the later in the alphabet decides.
  t.deepEqual(heard('[{message}]=info,[{error}]=debug', emit), ['text', 'as a field', undefined]);
});

test('lazy fields are evaluated before the decision only where a directive names a field of events', (t) => {
  const evaluated = (filter: FilterInput): number => {
    let calls = 0;
    heard(filter, () => undefined);
    const recorder = new Recorder({ filter });
    withDefault(new Registry().with(recorder), () => log.debug(() => ({ calls: ++calls })));
    t.is(recorder.events.length, 0);
    return calls;
  };
  t.is(evaluated('info'), 0);
  t.is(evaluated(new EnvFilter('info,other=trace')), 0);
  t.is(
    evaluated(() => false),
    0,
  );
  t.is(evaluated(new EnvFilter('info,[work{user=alice}]=trace')), 0);
  t.is(evaluated(new EnvFilter('info,[{user}]=trace')), 1);
});

test('a decision is made once for each callsite, and again after a change', (t) => {
  const asked: string[] = [];
  const enabled = ({ kind, level, target, name, fieldNames }: Metadata): boolean => {
    asked.push([kind, level, target, name, ...fieldNames].join(' '));
    return level !== 'DEBUG';
  };
  const recorder = new Recorder({ filter: enabled });
  const registry = new Registry().with(recorder);
  withDefault(registry, () => {
    for (let i = 0; i < 3; i++) {
      log.info('hi');
      log.debug({ user: i });
      log.debug(() => t.fail());
      log.span('work', { fields: { id: i } });
      Span.current().info('nobody');
    }
    t.deepEqual(asked, [
      'event INFO agent  message',
      'event DEBUG agent  user',
      'event DEBUG agent ',
      'span INFO agent work id',
    ]);
    t.is(recorder.events.length, 3);
    recorder.withFilter((metadata) => !enabled(metadata));
    log.info('hi');
    log.debug('hello');
    registry.with('info');
    log.debug('hello');
  });
  t.is(asked.length, 7);
  t.is(recorder.events.length, 4);
});

test('names and targets like those of Object.prototype mean nothing but themselves', (t) => {
  const messages = heard('error,__proto__=debug,[constructor{__proto__=1}]=debug', () => {
    target('__proto__').debug('a target');
    target('toString').debug('another');
    const fields = JSON.parse('{"__proto__":1}') as object;
    log.inSpan('constructor', { fields }, () => log.debug('a span'));
    log.inSpan('constructor', () => log.debug('without the field'));
  });
  t.deepEqual(messages, ['a target', 'a span']);
});

test('a filter whose hooks throw hides nothing else, and harms nobody', (t) => {
  const boom = (): never => {
    throw new Error('boom');
  };
  const problems: Error[] = [];
  const [broken, whole] = [new Recorder(), new Recorder()];
  broken.withFilter({ verbosity: 5, enabled: () => true, onSpan: boom });
  const registry = new Registry({ onProblem: (problem) => problems.push(problem) }).with(broken).with(whole);
  withDefault(registry, () => log.inSpan('work', (span) => (span.record({ a: 1 }), log.info('hi'))));
  t.deepEqual(broken.heard, whole.heard);
  t.is(problems.length, 1);
});

test('entering spans without end does not grow what is kept', async (t) => {
  const recorder = new Recorder({ filter: '[tick]=debug' });
  const scopes = new Set<unknown>();
  await withDefault(new Registry().with(recorder), async () => {
    const tick = async (left: number): Promise<void> => {
      await log.inSpan('tick', { parent: null }, async (span) => {
        scopes.add(span.context(undefined).scope?.size);
        log.debug('tick');
        if (left > 0) await sleep(0).then(() => tick(left - 1));
      });
    };
    await tick(50);
  });
  t.is(recorder.events.length, 51);
  t.deepEqual([...scopes], [1]);
});

test('each thread has its own current span', async (t) => {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     import(${JSON.stringify(new URL('../dist/index.cjs', import.meta.url).href)}).then(
       ({ EnvFilter, Registry, setGlobalDefault, target }) => {
         let count = 0;
         setGlobalDefault(new Registry().with(EnvFilter.parse('[work]=debug')).with({ onEvent: () => count++ }));
         const log = target('worker');
         log.debug('outside');
         log.inSpan('work', () => log.debug('inside'));
         parentPort.postMessage(count);
       });`,
    { eval: true },
  );
  t.deepEqual(await once(worker, 'message'), [1]);
  await worker.terminate();
});
