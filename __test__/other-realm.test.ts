import { runInNewContext } from 'node:vm';
import test from 'ava';
import { fieldsJson } from '../src/diagnostics/write/fields-json.ts';
import { messageOf } from '../src/errors.ts';
import { FieldsText } from '../src/format/fields-text.ts';
import { MemoryLayer } from '../src/layers/memory-layer.ts';
import { attributesOf } from '../src/opentelemetry/layer/attributes.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Fields } from '../src/tracing/fields.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';

/** An Error as programs under Jest, or with `vm`, get it: `instanceof Error` is false. */
const foreign = runInNewContext(`new TypeError('boom', { cause: new Error('disk') })`) as Error;

test('an Error of another realm is an Error in each spelling', (t) => {
  t.false(foreign instanceof Error);
  const fields = new Fields(['error'], [foreign]);
  t.is(fieldsJson('{', fields, '}'), '{"error":"boom","error.sources":["disk"]}');
  const text = new FieldsText(' ', (name, suffix) => `${name}${suffix}=`).of(fields);
  t.is(text, 'error=boom error.sources=[disk]');
  t.is(attributesOf(fields, undefined)['error'], 'boom');
  t.is(messageOf(foreign), 'boom');
});

test('an Error of another realm is told as one of this realm is, given or thrown', (t) => {
  const memory = new MemoryLayer();
  const log = target('t');
  withDefault(new Registry().with(memory), () => {
    log.error(foreign);
    t.throws(() => log.inSpan('work', () => throwForeign()), { is: foreign, any: true });
  });
  const { events, spans } = memory.take();
  t.is(events[0]?.message, 'boom');
  t.like(events[0]?.fields, { error: { message: 'boom' } });
  t.like(spans[0], { result: 'fail', reason: 'boom', sources: ['disk'] });
});

function throwForeign(): never {
  throw foreign;
}
