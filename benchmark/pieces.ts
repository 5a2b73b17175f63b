/** Where the time of one event goes: its pieces alone, in nanoseconds. */
import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { Registry, target, withDefault } from 'kvp-tracing';
import { DiagLayout } from '../dist/diagnostics/write/diag-layout.js';
import { fieldsJson } from '../dist/diagnostics/write/fields-json.js';
import { openWriter } from '../dist/pool/open-writer.js';
import { flatCopy } from '../dist/tracing/bounded-cache.js';
import { readEvent } from '../dist/tracing/event.js';
import { Fields } from '../dist/tracing/fields.js';
import { interleaved, type Subject } from './measure.ts';

const START = '{"target":"my_agent::user","level":"INFO","fields":{"message":"Configuring SSH keys"';
const END = '},"span":"3f2504e0-4f89-41d3-9a0c-0305e82c3301"}';
const FLAT = flatCopy(`${START},"user":"alice","key_count":3${END}`);

export async function pieces(folder: string): Promise<Map<string, number>> {
  const path = join(folder, 'pieces.pool');
  const layout = new DiagLayout();
  const writer = openWriter({
    path,
    keys: layout.keyLayout('benchmark/1', 'vm'),
    dropReport: layout.dropReport,
    maxRecords: 2 ** 31,
    queueBytes: 2 ** 21,
    reservesFinishes: true,
    writeThrough: false,
  });
  const handle = writer.name('provision_user');
  const written = () => {
    writer.wait(5000);
    truncateSync(path);
  };
  const fields = (i: number) => new Fields(['user', 'key_count'], ['alice', i]);
  let sink: unknown;
  const registry = new Registry().with({ name: 'nothing', onEvent: (event) => void (sink = event) });
  const log = target('my_agent::user');
  const span = withDefault(registry, () => log.span('provision_user'));
  const times = (name: string, one: (i: number) => void, rest?: () => void): Subject => ({
    name,
    run: (count) => {
      for (let i = 0; i < count; i++) one(i);
    },
    ...(rest && { rest }),
  });
  const message = 'Configuring SSH keys';
  const costs = await interleaved(
    [
      times('reading the fields', (i) => (sink = readEvent({ user: 'alice', key_count: i }, message))),
      {
        name: 'to a layer that does nothing, with the fields read',
        run: (count) =>
          withDefault(registry, () =>
            span.inScope(() => {
              for (let i = 0; i < count; i++) log.info({ user: 'alice', key_count: i }, message);
            }),
          ),
      },
      times('the JSON text', (i) => (sink = fieldsJson(START, fields(i), END))),
      times('the native call with a flat text', () => writer.event(handle, 3, FLAT, ''), written),
      times(
        'the JSON text and the native call',
        (i) => writer.event(handle, 3, fieldsJson(START, fields(i), END), ''),
        written,
      ),
    ],
    200,
    1000,
  );
  writer.close(1000);
  rmSync(path);
  return sink === undefined ? new Map() : costs;
}
