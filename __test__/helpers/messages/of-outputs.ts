import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { Registry, StderrLayer, target, withDefault } from '../../../src/index.ts';
import { folderOf } from '../pool-folder.ts';
import { problem, type Row } from './row.ts';

/** What a layer of one's own brings about. */
const ofLayer =
  (layer: object, then: (registry: Registry) => unknown = () => {}) =>
  () =>
    problem(async (onProblem) => {
      const registry = new Registry({ onProblem }).with({ name: 'Mine', ...layer } as never);
      withDefault(registry, () => target('agent').info('text'));
      const told = await then(registry);
      if (told instanceof Error) onProblem(told);
    });
const firstOf = (outcome: { problems: Error[] }) => outcome.problems[0];

export const LAYERS: readonly Row[] = [
  {
    of: ofLayer({
      onEvent() {
        throw new Error('out of order');
      },
    }),
    cure: 'Mend the layer. The program and other layers go on.',
  },
  {
    of: ofLayer({
      onEvent() {
        target('agent').info('again');
      },
    }),
    cure: 'What a layer emits while it is called would come back to it without end.',
  },
  {
    of: ofLayer({ flush: () => Promise.resolve({} as never) }, async (registry) =>
      firstOf(await registry.flush()),
    ),
    cure: "What the layer's `flush` or `shutdown` resolves with is an `Outcome`: `{ complete, dropped, problems }`.",
  },
  {
    of: ofLayer({ flush: () => Promise.reject(new Error('no space')) }, async (registry) =>
      firstOf(await registry.flush()),
    ),
    cure: "Mend the layer's `flush` or `shutdown`, or give it more time: `flush({ timeout })`.",
  },
  {
    of: () =>
      problem((onProblem) => {
        const registry = new Registry({ onProblem }).with(() => {
          throw new Error('out of order');
        });
        withDefault(registry, () => target('agent').info('text'));
      }),
    cure: 'Mend the filter.',
  },
  {
    of: () =>
      problem((onProblem) => {
        const registry = new Registry({ onProblem }).with(() => {
          target('agent').info('again');
          return true;
        });
        withDefault(registry, () => target('agent').info('text'));
      }),
    cure: 'What a filter emits while it decides would have to be decided first.',
  },
  {
    of: {
      text: `KvpSpanProcessor threw: …; it stays in use`,
      in: 'span-processor.test.ts',
      has: `KvpSpanProcessor threw`,
    },
    cure: 'OpenTelemetry gave what can not be read; the program goes on.',
  },
];

const failing = () => new Writable({ write: (_chunk, _encoding, done) => done(new Error('the pipe broke')) });
export const LINES: readonly Row[] = [
  {
    of: () =>
      problem(async (onProblem) => {
        const writer = failing().on('error', () => {});
        const registry = new Registry().with(new StderrLayer({ writer, filter: 'info', onProblem }));
        withDefault(registry, () => target('agent').info('text'));
        await registry.flush();
      }),
    cure: 'Mend the stream. Lines are counted as dropped in `stats()`.',
  },
  {
    of: (t) => problem((onProblem) => void new StderrLayer({ writer: join(folderOf(t), 'x\0'), onProblem })),
    cure: 'Give another path.',
  },
  {
    of: (t) => {
      const folder = folderOf(t);
      symlinkSync('elsewhere', join(folder, 'log'));
      return new StderrLayer({ writer: join(folder, 'log') });
    },
    cure: 'Another user could have put the link there.',
  },
  {
    of: { text: `lines to … are lost: …`, in: 'stderr-files.test.ts', has: `are lost` },
    cure: "The text behind it is the system's. It is said once for each cause.",
  },
  {
    of: { text: `… can't be opened anew: …`, in: 'log-file-safety.test.ts', has: `can't be opened anew` },
    cure: 'The old file stays in use. Mend the path, and send the signal again.',
  },
  {
    of: {
      text: `… is a link of user …, which is not followed; only links of root and of this process's user are`,
      in: 'log-file-safety.test.ts',
      has: `is a link of user`,
    },
    cure: 'Another user put it there: take another folder.',
  },
  {
    of: {
      text: `a stream did not drain in time: … lines wait`,
      in: 'line-sink.test.ts',
      has: `did not drain in time`,
    },
    cure: 'The reader is slow; give `flush({ timeout })` more.',
  },
  {
    of: {
      text: `lines to a stream are lost: the stream does not drain`,
      in: 'line-sink.test.ts',
      has: `the stream does not drain`,
    },
    cure: 'A stream held back 8 MiB; what reads it has stopped.',
  },
];
