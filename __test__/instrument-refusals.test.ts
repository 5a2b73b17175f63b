import test from 'ava';
import { OptionError } from '../src/errors.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { target } from '../src/tracing/target.ts';
import { recording } from './helpers/recorder.ts';

const log = target('agent');

class Agent {}

/** What instrument says of what it is given; it is called as JavaScript may. */
function refusal(instrument: (call: (...given: unknown[]) => unknown) => unknown): string {
  try {
    instrument(log.instrument.bind(log) as (...given: unknown[]) => unknown);
    return 'taken';
  } catch (error) {
    return error instanceof OptionError ? `${error.code} ${error.message}` : String(error);
  }
}

test('what is no function is refused when it is instrumented, not when it is called', (t) => {
  const refused =
    'ERR_KVP_INVALID_OPTION instrument must be given a function or a method that is no constructor';
  const said = [
    refusal((instrument) => instrument(Agent)),
    refusal((instrument) => instrument({}, Agent)),
    refusal((instrument) => instrument({}, class {})),
    refusal((instrument) => instrument(Map)),
    refusal((instrument) => instrument('name', () => {})),
    refusal((instrument) => instrument({}, null)),
    refusal((instrument) => (instrument({}, undefined) as () => unknown)()),
  ];
  t.deepEqual(
    said,
    ['"class Agent"', '"class Agent"', '"class "', '"class Map"', '"name"', 'null', 'undefined'].map(
      (what) => `${refused}, not ${what}`,
    ),
  );
});

test('levels that are none are refused by the name of their option', (t) => {
  const levels = 'error, warn, info, debug or trace';
  for (const [option, given] of [
    ['level', { level: 'loud' }],
    ['level', { level: 'off' }],
    ['ret', { ret: { level: 'loud' } }],
    ['err', { err: { level: 5 } }],
    ['ret', { ret: {} }],
  ] as const) {
    const said = refusal((instrument) => instrument(given, () => {}));
    t.true(said.startsWith(`ERR_KVP_INVALID_OPTION ${option} must be ${levels}, not `), said);
  }
});

test('a function of the old kind of classes is refused when new is called on it', (t) => {
  function Old(this: { made: boolean }) {
    this.made = true;
  }
  const instrumented = log.instrument(Old) as unknown as new () => object;
  const { registry, recorder } = recording();
  const thrown = t.throws(() => withDefault(registry, () => new instrumented()), { instanceOf: OptionError });
  t.is(thrown.code, 'ERR_KVP_INVALID_OPTION');
  t.true(thrown.message.endsWith('not "new Old"'));
  t.throws(() => new (class extends instrumented {})(), { instanceOf: OptionError });
  t.deepEqual(recorder.heard, []);
});

test('what a function carries, its wrapper carries, also one that is bound', (t) => {
  const key = Symbol('key');
  const fn = Object.assign((a: number, b: number) => a + b, { [key]: 1, cache: new Map<string, number>() });
  const { registry } = recording();
  withDefault(registry, () => {
    for (const wrapper of [log.instrument(fn), log.span('work').bind(fn)]) {
      t.is(wrapper.cache, fn.cache);
      t.is(wrapper[key], 1);
      t.deepEqual([wrapper.name, wrapper.length], [fn.name, 2]);
      t.is(wrapper(1, 2), 3);
    }
  });
  const sloppy = new Function('a', 'return this.b + a') as (this: { b: number }, a: number) => number;
  t.is(log.instrument(sloppy).call({ b: 1 }, 2), 3);
});

test('while all that a call may tell is disabled it is only passed on, with this and all arguments', (t) => {
  const { registry, recorder } = recording({ filter: 'error' });
  const seen: unknown[] = [];
  const fields = () => t.fail() as never;
  const options = { level: 'debug', ret: { level: 'trace' }, fields } as const;
  const work = log.instrument(options, function (this: unknown, ...args: number[]) {
    seen.push(this, ...args);
    return args;
  });
  const self = {};
  withDefault(registry, () => t.deepEqual(work.call(self, 1, 2, 3), [1, 2, 3]));
  t.deepEqual(seen, [self, 1, 2, 3]);
  t.deepEqual(recorder.heard, []);
});
