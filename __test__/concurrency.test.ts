import { EventEmitter } from 'node:events';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Span } from '../src/tracing/span.ts';
import { target } from '../src/tracing/target.ts';
import { recording } from './helpers/recorder.ts';

const TASKS = 1000;
const DEPTH_MAX = 3;
const log = target('agent');

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of many that run at the same time: random steps, each of which knows in which span it must be. */
class Task {
  static readonly bus = new EventEmitter().setMaxListeners(0);
  static readonly strayed: string[] = [];
  static said = 0;
  readonly number: number;
  readonly random: () => number;
  /** What outlives the blocks that start it. */
  readonly late: Promise<unknown>[] = [];

  constructor(number: number) {
    this.number = number;
    this.random = randomOf(number);
  }

  run(): Promise<void> {
    return log.inSpan('task', { parent: null, fields: { task: this.number } }, (span) => this.work(span, 0));
  }

  say(within: Span): void {
    Task.said++;
    log.info({ within: within.id, task: this.number });
  }

  /** Options of a span whose parent must be `parent`. */
  below(parent: Span): { fields: object } {
    return { fields: { within: parent.id, task: this.number } };
  }

  /** The current span, which must have that name and be this task's. */
  here(name: string): Span {
    const span = Span.current();
    if (span.name !== name || span.fields.get('task') !== this.number) {
      Task.strayed.push(`${span.name} of ${String(span.fields.get('task'))}, not ${name} of ${this.number}`);
    }
    return span;
  }

  async pause(): Promise<void> {
    const pauses = [
      () => undefined,
      () => turn(),
      () => sleep(this.random() * 3),
      () => new Promise<void>((done) => process.nextTick(done)),
    ];
    await pauses[Math.floor(this.random() * pauses.length)]?.();
  }

  async work(span: Span, depth: number): Promise<void> {
    const steps = [...this.#shallow(span), ...(depth < DEPTH_MAX ? this.#deep(span, depth + 1) : [])];
    for (let left = 3; left > 0; left--) {
      await steps[Math.floor(this.random() * steps.length)]?.();
      this.say(span);
    }
  }

  #shallow(span: Span): (() => unknown)[] {
    const { bus } = Task;
    return [
      () => this.pause(),
      () => log.inSpan('sync', this.below(span), (child) => this.say(child)),
      () =>
        new Promise<void>((done) => {
          setTimeout(() => {
            this.say(span);
            process.nextTick(() => queueMicrotask(() => (this.say(span), done())));
          }, this.random() * 2);
        }),
      // Whoever emits: the listener is in its own span.
      () =>
        new Promise<void>((done) => {
          bus.once(
            `task ${this.number}`,
            span.bind(() => (this.say(span), done())),
          );
        }),
      () => void bus.emit(`task ${Math.floor(this.random() * TASKS)}`),
      () => void this.late.push(sleep(this.random() * 5).then(() => this.say(span))),
    ];
  }

  #deep(span: Span, depth: number): (() => unknown)[] {
    const deeper = (child: Span): Promise<void> => this.work(child, depth);
    const named = (name: string) => ({ ...this.below(span), name });
    const call = log.instrument(named('call'), async () => deeper(this.here('call')));
    const letters = log.instrument(named('letters'), function* (task: Task) {
      for (let i = 0; i < 2; i++) yield task.say(task.here('letters'));
    });
    const pages = log.instrument(named('pages'), async function* (task: Task) {
      for (let i = 0; i < 2; i++) {
        await deeper(task.here('pages'));
        yield task.say(task.here('pages'));
      }
    });
    return [
      () => log.inSpan('async', this.below(span), deeper),
      () => Promise.all([1, 2].map(() => log.inSpan('together', this.below(span), deeper))),
      () => log.inSpan('adopted', { ...this.below(span), parent: span }, deeper),
      () => call(),
      async () => {
        const failing = log.inSpan('fails', this.below(span), async (child) => {
          await deeper(child);
          throw new Error('boom');
        });
        await failing.catch(() => this.say(span));
      },
      async () => {
        for (const _ of letters(this)) {
          await this.pause();
          log.inSpan('between', this.below(span), (child) => this.say(child));
        }
      },
      async () => {
        for await (const _ of pages(this)) this.say(span);
      },
      () => {
        const open = log.span('open', this.below(span));
        this.late.push(open.inScope(() => deeper(open)).then(() => open.close()));
      },
    ];
  }
}

test('of 1,000 interleaved tasks every event and span has the right parent', async (t) => {
  const { registry, recorder, problems } = recording();
  const tasks = Array.from({ length: TASKS }, (_, number) => new Task(number));
  await withDefault(registry, async () => {
    let isOver = false;
    const emitting = (async () => {
      while (!isOver) {
        await sleep(1);
        for (const name of Task.bus.eventNames()) Task.bus.emit(name);
      }
    })();
    await Promise.all(tasks.map((task) => task.run()));
    // Late ones may start others.
    for (const task of tasks) for (const each of task.late) await each;
    isOver = true;
    await emitting;
  });

  const { events, spans } = recorder;
  t.deepEqual([problems, Task.strayed.slice(0, 10)], [[], []]);
  t.is(events.length, Task.said);
  t.true(
    events.length > 20 * TASKS && spans.length > 10 * TASKS,
    `${events.length} events, ${spans.length} spans`,
  );
  const wrong = [...events, ...spans].filter(({ fields, parent }) => fields.get('within') !== parent?.id);
  t.deepEqual(
    wrong.slice(0, 10).map(({ fields, parent }) => [fields.toObject(), parent?.name]),
    [],
  );
  t.deepEqual(
    spans.filter(({ isClosed }) => !isClosed).map(({ name }) => name),
    [],
  );
  t.is(new Set(spans.map(({ id }) => id)).size, spans.length, 'no id twice');
  const switches = events.filter(({ fields }, i) => fields.get('task') !== events[i - 1]?.fields.get('task'));
  t.true(
    switches.length > events.length / 5,
    `they were interleaved: ${switches.length} of ${events.length}`,
  );
  t.is(Span.current().isDisabled, true);
});
