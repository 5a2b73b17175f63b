import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { summarize } from '../src/diagnostics/summary/summary.ts';
import { eventText, qualifiedName, spanText } from '../src/diagnostics/write/azure-init-layout.ts';
import { EmitKVPLayer, type EmitKVPLayerOptions } from '../src/layers/emit-kvp-layer.ts';
import { readPool } from '../src/pool/read-pool.ts';
import type { PoolRecord } from '../src/pool/record.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Fields } from '../src/tracing/fields.ts';
import { Registry } from '../src/tracing/registry.ts';
import { type Target, target } from '../src/tracing/target.ts';
import { bytesOf, VM } from './helpers/diag-records.ts';
import { HOSTILE, revoked, trapped } from './helpers/hostile-values.ts';
import { daemonMissing, HypervHost } from './helpers/hyperv-host.ts';
import { has, poolOf } from './helpers/pool-folder.ts';

const SAMPLE = '__test__/fixtures/samples/azure-init-0.1.kvp_pool';
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function layerAt(path: string, options: EmitKVPLayerOptions = {}): EmitKVPLayer {
  return new EmitKVPLayer({ vmId: VM, agent: 'azure-init/0.1.1', format: 'azure-init', ...options, path });
}

/** The pool after a program ran, with the layer that wrote it. */
async function written(
  t: ExecutionContext,
  program: (log: Target) => unknown,
  options: EmitKVPLayerOptions = {},
): Promise<{ path: string; records: PoolRecord[]; layer: EmitKVPLayer }> {
  const path = poolOf(t);
  const layer = layerAt(path, { onProblem: () => {}, ...options });
  const registry = new Registry().with(layer);
  await withDefault(registry, () => program(target('bench::sample')));
  t.true((await registry.shutdown()).complete);
  return { path, records: readPool(path), layer };
}

const namesOf = (records: readonly PoolRecord[]) =>
  records.map(({ key }) => key.split('|').slice(2, 4).join(' '));
const idOf = ({ key }: PoolRecord) => key.slice(key.lastIndexOf('|') + 1);

/** What was recorded when azure-init wrote the sample. */
function sampleProgram(log: Target): void {
  class SshKey {
    readonly kind = 'ssh-ed25519';
    readonly comment: string;
    constructor(index: number) {
      this.comment = `azureuser@host|${index}`;
    }
  }
  const user = 'azureuser';
  log.info('outside of any span');
  log.inSpan('provision_user', { fields: { user } }, () => {
    log.info('Starting user provisioning');
    log.inSpan('configure_ssh_keys', () => {
      log.info({ user, key_count: 3 }, 'Configuring SSH keys');
      for (const index of [0, 1, 2]) {
        const fields = { user, key_index: index, ratio: index / 2, key: new SshKey(index) };
        log.debug(fields, 'Processing SSH key');
      }
      log.warn({ user, quoted: 'a "b" | c\nd' }, 'Odd key');
    });
    log.info('User provisioning completed successfully');
  });
  log.inSpan('set_hostname', () => log.info('日本語 🚀 hostname set'));
}

/** The bytes with the same id and time everywhere. */
function masked(pool: Buffer): string {
  const ids = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=\0)/g;
  return pool.toString('latin1').replaceAll(ids, 'i'.repeat(36)).replaceAll(TIME, 't'.repeat(24));
}

test('the program of the sample makes the bytes that azure-init made of it', async (t) => {
  const { path, records } = await written(t, sampleProgram, { filter: 'trace' });
  // JavaScript does not know 1.0 from 1, and quotes otherwise what it inspects.
  const sample = readPool(SAMPLE).map(({ key, value }) => {
    const inspected = value.replace(/SshKey \{.*\}/, (key) => key.replaceAll('"', "'"));
    return [key, inspected.replace(/(ratio=\d)\.0/, '$1')] as const;
  });
  t.is(masked(readFileSync(path)), masked(bytesOf(...sample)));
  t.is(new Set(records.map(idOf)).size, 11);
  t.true(records.every((record) => UUID.test(idOf(record))));
});

test('fields are spelled as Rust does, the message as it is', (t) => {
  const text = (fields: object, message?: string) =>
    eventText(1767323045678, message, Fields.of(fields)).replace(
      'Time: 2026-01-02T03:04:05.678Z | Event: ',
      '',
    );
  const error = new Error('no "disk"\nat all', { cause: new Error('cause') });
  for (const [fields, spelled] of [
    [{ a: 'x"y\\\n\0', b: '' }, 'a="x\\"y\\\\\\n\\0", b=""'],
    [{ a: 3, b: -0.5, c: 1e21, d: 1e-7, e: NaN, f: -Infinity }, 'a=3, b=-0.5, c=1e21, d=1e-7, e=NaN, f=-inf'],
    [{ a: true, b: null, c: 12345678901234567890n, d: undefined }, 'a=true, b=null, c=12345678901234567890'],
    [{ error }, 'error=no "disk"\nat all'],
    [{ a: { b: ['c', 1] }, when: new Date(0) }, "a={ b: [ 'c', 1 ] }, when=1970-01-01T00:00:00.000Z"],
    [{ 'a|b\0': 1 }, 'a|b\\0=1'],
    [{}, ''],
  ] as const) {
    t.is(text(fields), spelled);
  }
  t.is(text({ a: 1 }, 'a "b" | c\nd \0 \ud800'), 'message=a "b" | c\nd \\0 \ufffd, a=1');
  t.is(text({}, ''), 'message=');
  t.is(spanText(0.9, 1500.2), 'Start: 1970-01-01T00:00:00.000Z | End: 1970-01-01T00:00:01.500Z');
  t.is(qualifiedName('a::b', 'c'), 'a::b:c');
  t.is(qualifiedName('same', 'same'), 'same');
});

test('a span has one record when it ends, at its level, with the times between which its events lie', async (t) => {
  const { records } = await written(t, (log) =>
    log.inSpan('outer', { level: 'warn' }, async (span) => {
      await log.inSpan('inner', async () => {
        log.error('boo');
        await new Promise((resolve) => setTimeout(resolve, 20));
      });
      span.record({ later: true });
    }),
  );
  const name = 'bench::sample';
  t.deepEqual(namesOf(records), [`ERROR ${name}:inner`, `INFO ${name}:inner`, `WARN ${name}:outer`]);
  const [[time], [start, end], [outerStart, outerEnd]] = records.map(({ value }) =>
    [...value.matchAll(TIME)].map(([text]) => Date.parse(text)),
  ) as [[number], [number, number], [number, number]];
  t.true(outerStart <= start && start <= time && time < end && end <= outerEnd);
  t.true(end - start >= 19);
});

test('starts and events outside of any span are neither written nor counted', async (t) => {
  const { records, layer } = await written(t, (log) => {
    log.warn('outside');
    log.inSpan('hidden', { level: 'debug' }, () => log.info('outside of what this layer sees'));
    const span = log.span('closed');
    span.close();
    span.inScope(() => log.info('late'));
  });
  t.deepEqual(
    records.map(({ value }) => value.replaceAll(TIME, 'T')),
    ['Start: T | End: T', 'Time: T | Event: message=late'],
  );
  t.like(layer.stats(), { accepted: 2, written: 2, records: 2, dropped: {} });
});

test('a span without its close has no record', async (t) => {
  const program = (log: Target) => log.inSpan('s', () => log.info('x'));
  t.is((await written(t, program, { spanEvents: ['new'] })).records.length, 1);
  t.is((await written(t, program, { spanEvents: ['close'] })).records.length, 2);
});

test('long texts are cut at characters into records of the same key', async (t) => {
  const texts = Array.from({ length: 5 }, (_, pad) => 'a'.repeat(940 + pad) + '😀é日'.repeat(600));
  const { records } = await written(t, (log) =>
    log.inSpan('s', () => texts.forEach((text) => log.info({ text }, 'long'))),
  );
  const groups = new Map<string, string[]>();
  for (const { key, value } of records) groups.set(key, [...(groups.get(key) ?? []), value]);
  const values = [...groups.values()].slice(0, -1);
  t.deepEqual(
    values.map((chunks) => chunks.join('').replace(/^Time: \S+ \| Event: /, '')),
    texts.map((text) => `message=long, text="${text}"`),
  );
  t.true(values.every(({ length }) => length === 7));
  const sizes = values.flatMap((chunks) => chunks.slice(0, -1).map((chunk) => Buffer.byteLength(chunk)));
  t.true(sizes.every((size) => size <= 1022 && size > 1022 - 4));
  t.false(records.some(({ value }) => value.includes('\ufffd')));
});

test('a payload of more than 1023 records is refused and counted', async (t) => {
  const half = 'x'.repeat(250_000);
  const { records, layer } = await written(
    t,
    (log) => log.inSpan('s', () => log.info({ a: half, b: half, c: half, d: half, e: half }, 'large')),
    { queueBytes: 2 ** 23 },
  );
  t.deepEqual(layer.stats().dropped, { too_large: { INFO: 1 } });
  t.deepEqual(namesOf(records), ['INFO bench::sample:s', 'WARN kvp_tracing:telemetry:dropped']);
});

test('a name is cut to what a key has room for, and has no separators', async (t) => {
  const names = [
    'n'.repeat(126),
    'n'.repeat(127),
    'n'.repeat(128),
    'é'.repeat(200),
    '😀'.repeat(99),
    'a|b\0c\nd',
    '',
  ];
  const options = { agent: `${'a'.repeat(40)}/1.2.3`, vmId: 'v'.repeat(36), maxRecords: 10_000 };
  const emit = (log: Target) =>
    names.forEach((name) => log.inSpan(name, { level: 'error' }, () => log.error('x')));
  const { records, layer } = await written(
    t,
    (log) => {
      emit(log);
      // The layer keeps no more names than these: the next ones are passed as texts.
      for (let i = 0; i < 1100; i++) log.span(`${i}`);
      emit(target('bench::sampl2'));
    },
    options,
  );
  const prefix = `${'a'.repeat(26)}-1.2.3|${'v'.repeat(36)}|ERROR|`;
  const expected = ['sample', 'sampl2'].flatMap((module) =>
    [
      'n'.repeat(126),
      'n'.repeat(127),
      'n'.repeat(127),
      'é'.repeat(63),
      '😀'.repeat(31),
      'a_b_c_d',
      '',
    ].flatMap((name) => {
      const key = `${prefix}bench::${module}:${name}`;
      return [key, key];
    }),
  );
  t.deepEqual(
    records.map(({ key }) => key.slice(0, key.lastIndexOf('|'))),
    expected,
  );
  t.is(Math.max(...records.map(({ key }) => Buffer.byteLength(key))), 254);
  t.deepEqual(layer.stats().dropped, {});
});

test('what the budget has no room for is the last record, in the same layout', async (t) => {
  const { records, layer } = await written(
    t,
    (log) => {
      for (let i = 0; i < 30; i++) log.span('ended').close();
      log.span('failed').fail().close();
      log.inSpan('more', () => {
        log.debug('hidden');
        log.error('no room');
      });
    },
    { maxRecords: 20 },
  );
  const name = 'bench::sample';
  t.deepEqual(namesOf(records), [
    ...Array.from({ length: 18 }, () => `INFO ${name}:ended`),
    `INFO ${name}:failed`,
    'WARN kvp_tracing:telemetry:dropped',
  ]);
  t.deepEqual(layer.stats().dropped, { budget: { ERROR: 1, INFO: 13 } });
  t.regex(
    records[19]?.value ?? '',
    /^Time: \S{23}Z \| Event: message=14 records dropped, budget=\{ ERROR: 1, INFO: 13 \}$/,
  );
  t.regex(idOf(records[19] as PoolRecord), UUID);
  t.like(summarize(readDiagnosticsSync(records)).dropped, [{ message: '14 records dropped' }]);
});

test('a wrong format, and moments that the layout does not have, are refused', (t) => {
  const refused = (options: object) => t.throws(() => layerAt(poolOf(t), options));
  t.like(refused({ format: 'cloud-init' }), {
    name: 'OptionError',
    message: `format must be 'diag' or 'azure-init', not "cloud-init"`,
  });
  for (const moment of ['enter', 'exit']) {
    t.like(refused({ spanEvents: ['new', moment, 'close'] }), {
      name: 'OptionError',
      message: `spanEvents must be made of new and close where format is 'azure-init', not "${moment}"`,
    });
  }
});

test('whatever a program records, the real daemon hands it to the host whole', async (t) => {
  if (!has(t, daemonMissing)) return;
  const path = poolOf(t);
  const host = await HypervHost.start(dirname(path));
  t.teardown(() => host.stop());
  const layer = layerAt(path, { filter: 'trace' });
  const registry = new Registry().with(layer);
  withDefault(registry, () => {
    const log = target('bench::sample');
    sampleProgram(log);
    log.inSpan('nul\0 | \ud800', () => {
      for (const value of [...HOSTILE.map(({ value }) => value), revoked(), trapped()]) {
        log.info({ value }, 'hostile');
      }
      log.info({ 'nul\0': 'nul\0', '\ud800': '\udfff' }, 'nul\0 \ud800');
      log.info({ text: '😀é日'.repeat(2000) }, 'long');
    });
  });
  t.deepEqual(await registry.shutdown(), { complete: true, dropped: 0, problems: [] });
  t.deepEqual(await host.enumerate(1), readPool(path));
  t.notThrows(() => new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)));
});
