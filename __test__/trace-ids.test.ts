import test from 'ava';
import { OptionError } from '../src/errors.ts';
import { StderrLayer, type StderrLayerOptions } from '../src/layers/stderr-layer.ts';
import { log, setUp } from './helpers/exported-spans.ts';

/** What is written of events in, around, and below a span that OpenTelemetry knows; `IDS` stands for its ids. */
function textOf(options: StderrLayerOptions): string[] {
  const written: string[] = [];
  const writer = { write: (text: string) => written.push(text) };
  const { run, registry, named } = setUp();
  registry.with(new StderrLayer({ writer, filter: 'debug', spanEvents: ['new'], ...options }));
  run(() => {
    log.info('outside');
    log.inSpan('work', { fields: { vm: 7 } }, () => {
      log.info({ user: 'alice' }, 'inside');
      log.inSpan('hidden', { level: 'debug' }, () => log.info('below'));
    });
  });
  const { traceId, spanId } = named('work').spanContext();
  return written.map((text) =>
    text
      .replace(/^ *\S+ +/, '')
      .replace(traceId, 'TRACE')
      .replace(spanId, 'SPAN'),
  );
}

test('lines end in the ids of their trace and span on request', (t) => {
  t.deepEqual(textOf({ traceIds: true }), [
    'INFO agent::user: outside\n',
    'INFO work{vm=7}: agent::user: new trace_id=TRACE span_id=SPAN\n',
    'INFO work{vm=7}: agent::user: inside user="alice" trace_id=TRACE span_id=SPAN\n',
    'DEBUG work{vm=7}:hidden: agent::user: new trace_id=TRACE span_id=SPAN\n',
    'INFO work{vm=7}:hidden: agent::user: below trace_id=TRACE span_id=SPAN\n',
  ]);
  const compact = textOf({ traceIds: true, format: 'compact' });
  t.is(compact[2], 'INFO work: agent::user: inside user="alice" trace_id=TRACE span_id=SPAN vm=7\n');
  const pretty = textOf({ traceIds: true, format: 'pretty' });
  t.true(pretty[2]?.startsWith('INFO agent::user: inside, user: "alice", trace_id: TRACE, span_id: SPAN\n'));
});

test('they are left out otherwise, and the option is true or false', (t) => {
  for (const options of [{}, { traceIds: false }]) t.notRegex(textOf(options).join(''), /trace_id/);
  t.throws(() => textOf({ traceIds: 1 as never }), { instanceOf: OptionError, message: /traceIds/ });
});
