import { join } from 'node:path';
import {
  bridgeDiagnosticsChannels,
  EnvFilter,
  inSpan,
  installSignalHandlers,
  instrument,
  openPool,
  Registry,
  reload,
  StderrLayer,
  target,
} from '../../../src/index.ts';
import { folderOf, poolOf } from '../pool-folder.ts';
import { type Row, setUp, setUpTo } from './row.ts';

const BACKEND = process.env['KVP_TRACING_BACKEND'];

export const OPTIONS: readonly Row[] = [
  { of: setUp({ colour: true }), cure: 'The name that is meant is among those that the text lists.' },
  { of: setUp({ kvp: [] }), cure: '`false` leaves an output out.' },
  { of: setUp({ stderr: 5 }), cure: 'Give options, or `false` for no lines.' },
  {
    of: (t) => openPool(poolOf(t), { lockTimeout: 'soon' as never }),
    cure: 'Give a number; `Infinity` waits for ever.',
  },
  { of: setUp({ kvp: false, opentelemetry: { queue: 5 } }), cure: 'Every group of options is an object.' },
  { of: setUp({ service: '' }), cure: 'Give a text.' },
  { of: setUp({ kvp: { vmId: 'a|b' } }), cure: '`|` separates the parts of a key in the pool.' },
  { of: setUp({ kvp: { path: '' } }), cure: 'Leave it out for the pool of this VM.' },
  { of: setUp({ kvp: { maxRecords: 0.5 } }), cure: 'Give one of these numbers.' },
  { of: setUp({ kvp: { durability: 'sync' } }), cure: 'Give one of these texts.' },
  {
    of: setUp({ signals: 'SIGTERM' }),
    cure: '`true` listens to the usual ones; `installSignalHandlers(signals)` takes a list.',
  },
  { of: setUp({ stderr: { stacks: 1 } }), cure: 'Give a boolean.' },
  { of: setUp({ onProblem: 'console' }), cure: 'Give a function that takes an Error.' },
  { of: setUp({ stderr: { filter: 5 } }), cure: 'Give a level, or a text as `info,agent=debug`.' },
  { of: setUp({ stderr: { filter: 'agent=loud' } }), cure: 'The text in brackets says which part is wrong.' },
  { of: setUp({ stderr: { writer: 1.5 } }), cure: 'Give `2`, a path, or a stream.' },
  { of: setUp({ stderr: { spanEvents: 'close' } }), cure: "Give a list: `['close']`." },
  { of: setUp({ stderr: { spanEvents: ['open'] } }), cure: 'Give some of these texts.' },
  {
    of: () => new StderrLayer({ format: 'json' as never }),
    cure: 'Take `JsonLayer`, or `stderr: { format }` of `initializeTracing`.',
  },
  {
    of: () => new StderrLayer({ reopenOn: 'SIGHUP' }),
    cure: 'Only a file that a path names can be opened anew.',
  },
  { of: setUp({ redact: 'pin' }), cure: "Give a list: `['pin']`." },
  {
    of: (t) => {
      const file = join(folderOf(t), 'agent.log');
      return setUpTo({ file }, (tracing) => tracing.reload({ file: '/var/log/other.log' }));
    },
    cure: 'Change its filter: `reload({ file: { filter } })`.',
  },
  {
    of: () =>
      setUpTo({}, async (tracing) => {
        await tracing.shutdown();
        await tracing.reload({ stderr: 'info' });
      }),
    cure: 'Reload before `shutdown()`.',
  },
  {
    of: () => setUpTo({}, async (tracing) => (await tracing.reportSuccess()).error),
    cure: 'A report is a record of a pool: leave `kvp: false` out.',
  },
  { of: () => new Registry().with({ onEvent: 5 } as never), cure: 'Give a function for each hook.' },
  { of: () => new Registry().with(5 as never), cure: 'Give a layer, a filter, or `undefined` for none.' },
  {
    of: () => reload({ name: 'Mine' })[1].reload('info'),
    cure: 'Give the layer a method `withFilter`, or reload it as a whole.',
  },
  { of: () => target(5 as never), cure: 'Give a text.' },
  { of: () => inSpan('work', { level: 'loud' as never }, () => {}), cure: 'Give one of these levels.' },
  {
    of: () => inSpan('work', { parent: 'outer' as never }, () => {}),
    cure: 'Give a span, or `null` for a root.',
  },
  { of: () => inSpan('work', { followsFrom: 5 as never }, () => {}), cure: 'Give what `span()` returned.' },
  { of: () => inSpan('work', { fields: 5 as never }, () => {}), cure: 'Give `{ name: value }`.' },
  { of: () => instrument(class {} as never), cure: 'Instrument its methods instead.' },
  { of: () => instrument({ err: 5 as never }, () => {}), cure: "Give `true`, or `{ level: 'warn' }`." },
  { of: () => installSignalHandlers('SIGTERM' as never), cure: 'Give a list.' },
  { of: () => bridgeDiagnosticsChannels({ propagate: ['*'] }), cure: 'Give `true` for all hosts.' },
  { of: () => openPool({ pool: 7 }), cure: "Pool 1 is the guest's, pool 0 the host's." },
  {
    of: (t) => {
      process.env['KVP_TRACING_BACKEND'] = 'rust';
      t.teardown(() => {
        if (BACKEND === undefined) delete process.env['KVP_TRACING_BACKEND'];
        else process.env['KVP_TRACING_BACKEND'] = BACKEND;
      });
      return openPool(poolOf(t)).append('key', 'value');
    },
    cure: 'Leave the variable out.',
  },
];

const parsed = (text: string) => ({ of: () => EnvFilter.parse(text) });
export const FILTERS: readonly Row[] = [
  { ...parsed('agent=loud'), cure: 'Give a level behind `=`.' },
  { ...parsed('ag$nt'), cure: 'A target has letters, digits and `-:_./@`.' },
  { ...parsed('=info'), cure: 'For everything, write `info` alone.' },
  { ...parsed('agent[span'), cure: 'Close the bracket.' },
  { ...parsed('[span{a=1]'), cure: 'Close the brace, then the bracket.' },

  { ...parsed('[{a,}]=info'), cure: 'Take the comma away, or name the field.' },
  { ...parsed('[span]info'), cure: 'Write `=` in front of the level.' },
];
