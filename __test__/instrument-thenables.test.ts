import { AsyncLocalStorage } from 'node:async_hooks';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import ts from 'typescript';
import { withDefault } from '../src/tracing/dispatch.ts';
import { Span } from '../src/tracing/span.ts';
import { target } from '../src/tracing/target.ts';
import { recording } from './helpers/recorder.ts';

const log = target('agent');
const here = () => Span.current().name;

/** A promise with more than a promise has, as libraries make them. */
class Task<T> extends Promise<T> {
  cancelled = false;
  cancel(): this {
    this.cancelled = true;
    return this;
  }
}

/** A query as of knex: it runs when somebody waits for it. */
class Query {
  runs = 0;
  readonly seen: string[] = [];

  then<R>(onFulfilled?: (value: string) => R, onRejected?: (error: unknown) => R): Promise<R | string> {
    this.runs++;
    return Promise.resolve()
      .then(() => {
        this.seen.push(here());
        return 'rows';
      })
      .then(onFulfilled, onRejected);
  }
}

for (const options of [{}, { ret: true, err: true }] as const) {
  const how = 'ret' in options ? ' with ret and err' : '';

  test(`a promise of a class of its own stays the same object, and ends the span${how}`, async (t) => {
    const { registry, recorder } = recording();
    await withDefault(registry, async () => {
      const made = new Task<number>((done) => setImmediate(done, 5));
      const task = log.instrument({ ...options, name: 'work' }, () => made)();
      t.is(task, made);
      t.true(task instanceof Task && task.cancel().cancelled);
      t.false(recorder.spans[0]?.isClosed);
      t.is(await task, 5);
      t.true(recorder.spans[0]?.isClosed);
      t.is(await task, 5, 'again');
      const error = new Error('boom');
      const fail = log.instrument({ ...options, name: 'fail' }, () => Task.reject(error) as Task<number>);
      t.is(await t.throwsAsync(async () => fail()), error);
      t.is(recorder.spans[1]?.thrown?.error, error);
    });
    t.is(recorder.only('close').length, 2);
    t.is(recorder.events.length, how === '' ? 0 : 2);
  });

  test(`a query that runs when it is awaited is not started before, and runs inside${how}`, async (t) => {
    const { registry, recorder } = recording();
    const request = new AsyncLocalStorage<string>();
    await withDefault(registry, async () => {
      const query = new Query();
      const select = log.instrument({ ...options, name: 'select' }, () => query);
      t.is(select(), query);
      await Promise.resolve();
      t.is(query.runs, 0);
      t.false(recorder.spans[0]?.isClosed);
      await log.inSpan('around', async () => {
        t.is(await query, 'rows');
        t.is(here(), 'around');
        const continued = request.run('mine', () => query.then(() => [here(), request.getStore()]));
        t.deepEqual(await continued, ['around', 'mine'], 'who waits for it stays where it is');
      });
      t.true(recorder.spans[0]?.isClosed);
      t.is(query.runs, 2);
      t.deepEqual(query.seen, ['select', 'select']);
    });
    t.is(recorder.events.length, how === '' ? 0 : 1);
    t.is(recorder.only('exit').filter((line) => line === 'exit select').length, 1);
  });
}

test('a query in a scope leaves it once, however often it is awaited', async (t) => {
  const { registry, recorder } = recording();
  await withDefault(registry, async () => {
    const query = new Query();
    const span = log.span('work');
    await span.inScope(async () => {
      span.inScope(() => query);
      t.deepEqual([await query, await query, await query], ['rows', 'rows', 'rows']);
      t.is(recorder.only('exit').length, 1);
    });
    t.deepEqual([recorder.only('enter').length, recorder.only('exit').length], [2, 2]);
  });
});

test('a thenable that can not be watched ends the span at once', async (t) => {
  const { registry, recorder } = recording();
  await withDefault(registry, async () => {
    const frozen = Object.freeze({ then: (done: (value: number) => void) => done(5) });
    t.is(
      log.inSpan('frozen', () => frozen),
      frozen,
    );
    const trapped = new Proxy({ then: () => {} }, { defineProperty: () => JSON.parse('{') as boolean });
    t.is(
      log.inSpan('trapped', () => trapped),
      trapped,
    );
    const getter = Object.defineProperty({}, 'then', { get: () => JSON.parse('{') as unknown });
    t.is(
      log.inSpan('getter', () => getter),
      getter,
    );
  });
  t.true(recorder.spans.every(({ isClosed }) => isClosed));
});

/** A class with decorated methods; `a` is what compiles to either kind of decorators. */
const FIXTURE = `
  export function make(log: any) {
    class Agent {
      factor = 2;
      @log.instrument({ fields: (a: number) => ({ a }) })
      scale(a: number): number {
        return a * this.factor;
      }
      @log.instrument({ name: 'named', ret: true })
      async later(): Promise<string> {
        await Promise.resolve();
        return log.here();
      }
      @log.instrument()
      static create(): Agent {
        return new this();
      }
      @log.instrument()
      *[Symbol.iterator](): Generator<string> {
        yield log.here();
      }
    }
    return Agent;
  }
`;

interface Agent extends Iterable<string> {
  scale(a: number): number;
  later(): Promise<string>;
}

for (const [kind, experimentalDecorators] of [
  ['of TC39', false],
  ['of TypeScript', true],
] as const) {
  test(`decorators ${kind} instrument instance and static methods`, async (t) => {
    const { outputText } = ts.transpileModule(FIXTURE, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        experimentalDecorators,
      },
    });
    const file = new URL(`decorated-${experimentalDecorators}-${process.pid}.mjs`, import.meta.url);
    writeFileSync(file, outputText);
    t.teardown(() => rmSync(fileURLToPath(file)));
    const { make } = (await import(file.href)) as {
      make(log: object): { create(): Agent; prototype: Agent };
    };
    const Decorated = make({ instrument: log.instrument.bind(log), here });
    const { registry, recorder } = recording();
    await withDefault(registry, async () => {
      const agent = Decorated.create();
      t.true(agent instanceof (Decorated as never));
      t.is(agent.scale(5), 10);
      t.is(await agent.later(), 'named');
      t.deepEqual([...agent], ['Symbol(Symbol.iterator)']);
    });
    t.deepEqual(
      recorder.spans.map(({ name, fields }) => [name, { ...fields.toObject() }]),
      [
        ['create', {}],
        ['scale', { a: 5 }],
        ['named', {}],
        ['Symbol(Symbol.iterator)', {}],
      ],
    );
    t.is(recorder.events[0]?.fields.get('return'), 'named');
    t.true(recorder.spans.every(({ isClosed }) => isClosed));
    t.deepEqual([Decorated.prototype.scale.name, Decorated.prototype.scale.length], ['scale', 1]);
    t.false(Object.keys(Decorated.prototype).includes('scale'), 'methods stay hidden from enumeration');
  });
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isSame = <A, B>(same: Same<A, B>): boolean => same;

test('the type of a function survives: generics, overloads, this, guards, promises', (t) => {
  const generic = <T extends object>(value: T, key: keyof T): T[keyof T] => value[key];
  function overloaded(value: string): string;
  function overloaded(value: number): number;
  function overloaded(value: string | number): string | number {
    return value;
  }
  const isText = (value: unknown): value is string => typeof value === 'string';
  function method(this: { a: number }, b?: number, ...rest: string[]): number {
    return this.a + (b ?? 0) + rest.length;
  }
  const later = async (value: number): Promise<number> => value;
  const wrapGeneric = () => log.instrument(generic);
  const wrapOverloaded = () => log.instrument({ name: 'o' }, overloaded);
  const guard = log.instrument(isText);
  const bound = log.instrument({ fields: (b) => ({ b }) }, method);
  const promised = log.instrument({ fields: (value) => ({ twice: value * 2 }) }, later);
  t.true(isSame<typeof guard, typeof isText>(true));
  t.true(isSame<typeof bound, typeof method>(true));
  t.true(isSame<typeof promised, typeof later>(true));
  t.true(isSame<ReturnType<typeof wrapGeneric>, typeof generic>(true));
  t.true(isSame<ReturnType<typeof wrapOverloaded>, typeof overloaded>(true));
  t.is(wrapGeneric()({ a: 5 }, 'a') satisfies number, 5);
  t.is(wrapOverloaded()('a') satisfies string, 'a');
  t.is(wrapOverloaded()(1) satisfies number, 1);
  const value: unknown = 'text';
  if (guard(value)) t.is(value.length, 4);
  t.is(bound.call({ a: 1 }, 2, 'x'), 4);
  // @ts-expect-error a wrong argument is still a type error
  void (() => log.instrument(later)('text'));
});
