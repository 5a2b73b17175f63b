import { inspect } from 'node:util';
import { pino } from 'pino';
import { fieldsJson } from '../../src/diagnostics/write/fields-json.ts';
import { FieldsText } from '../../src/format/fields-text.ts';
import { MemoryLayer } from '../../src/layers/memory-layer.ts';
import { attributesOf } from '../../src/opentelemetry/layer/attributes.ts';
import { plain } from '../../src/pino/plain.ts';
import { withDefault } from '../../src/tracing/default-subscriber.ts';
import { Fields } from '../../src/tracing/fields.ts';
import { Registry, type RegistryOptions } from '../../src/tracing/registry.ts';
import { target } from '../../src/tracing/target.ts';

const log = target('agent');

/** The fields of an event as a layer sees them. */
export function seen(fields: object, options: RegistryOptions = {}): Record<string, unknown> {
  const memory = new MemoryLayer();
  withDefault(new Registry(options).with(memory), () => log.info(fields, 'text'));
  return memory.take().events[0]?.fields ?? {};
}

/** What JSON has no words for, as text. */
function jsonOf(): (key: string, value: unknown) => unknown {
  const around = new Set<unknown>();
  return (_, value) => {
    if (typeof value === 'bigint') return String(value);
    if (typeof value !== 'object' || value === null) return value;
    if (around.has(value)) return undefined;
    around.add(value);
    return value;
  };
}

/** What of a value reaches the ways in which values are spelled. */
export function spelled(fields: object, options: RegistryOptions = {}): string {
  const kept = seen(fields, options);
  const own = new Fields(Object.keys(kept), Object.values(kept));
  return [
    inspect(kept, { depth: 100, showHidden: true }),
    inspect(kept, { depth: 100, customInspect: false, getters: true }),
    JSON.stringify(kept, jsonOf()),
    fieldsJson('{', own, '}'),
    new FieldsText(' ', (name, suffix) => `${name}${suffix}=`).of(own),
    inspect(attributesOf(own, undefined)),
    JSON.stringify(own.values.map((value) => plain(value, pino.stdSerializers.err))),
  ].join('\n');
}
