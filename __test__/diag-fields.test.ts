import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { diagnostics } from '../src/diagnostics/write/diagnostics-writer.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { FieldError, OptionError } from '../src/errors.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { readPool } from '../src/pool/read-pool.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { poolOf } from './helpers/pool-folder.ts';

const LIMITS = { agent: 32, vm_id: 36, name: 48, id: 36 } as const;
type Field = keyof typeof LIMITS;
const FIELDS = Object.keys(LIMITS) as Field[];

/** Texts of exactly so many bytes: letters, characters of two, of three and of four bytes. */
function textsOf(bytes: number): string[] {
  return ['a', 'é', '日', '😀'].map((character) => {
    const size = Buffer.byteLength(character);
    return 'a'.repeat(bytes % size) + character.repeat(Math.floor(bytes / size));
  });
}

/** Has the API write one finish with that field, and the others at their limits, too. */
async function write(path: string, field: Field, text: string): Promise<void> {
  const given = {
    agent: 'a'.repeat(LIMITS.agent),
    vm_id: 'v'.repeat(LIMITS.vm_id),
    name: 'n'.repeat(LIMITS.name),
    id: 'i'.repeat(LIMITS.id),
    [field]: text,
  };
  using writer = diagnostics(path, { agent: given.agent, vmId: given.vm_id });
  await writer.finish(given, 'success', 'text', {
    duration: Number.MAX_SAFE_INTEGER,
    encoding: 'zlib+b64',
  });
}

/** What the API says of a field that it refuses without any I/O. */
async function refused(t: ExecutionContext, field: Field, text: string): Promise<Error | undefined> {
  const path = poolOf(t);
  const error = await t.throwsAsync(write(path, field, text), { instanceOf: FieldError });
  t.false(existsSync(path));
  return error;
}

for (const field of FIELDS) {
  const limit = LIMITS[field];

  test(`${field}: the API takes ${limit} bytes, of any characters`, async (t) => {
    for (const text of [...textsOf(limit), 'a b,c"\n\u007f', 'x']) {
      const path = poolOf(t);
      await write(path, field, text);
      const { diagnostics: found, problems } = readDiagnosticsSync(path);
      t.deepEqual(problems, []);
      t.is(found[0]?.[field === 'vm_id' ? 'vmId' : field], text);
      t.is(found[0]?.text, 'text');
      t.true(Buffer.byteLength(readPool(path)[0]?.key ?? '') <= 254);
    }
  });

  test(`${field}: the API refuses one byte more, separators and NUL, and says what, before any I/O`, async (t) => {
    for (const text of textsOf(limit + 1)) {
      const error = await refused(t, field, text);
      t.is(error?.message, `${field} "${text}" has ${limit + 1} bytes; the limit is ${limit}`);
      t.like(error, { code: 'ERR_KVP_FIELD_TOO_LONG' });
    }
    for (const text of ['', 'a|b', 'a\0b', '|', '\0']) {
      const error = await refused(t, field, text);
      t.is(
        error?.message,
        `${field} ${JSON.stringify(text)} is not allowed: it must not be empty and must not contain '|' or NUL`,
      );
      t.like(error, { code: 'ERR_KVP_INVALID_FIELD' });
    }
    t.is(
      (await refused(t, field, 'a\ud800b'))?.message,
      `${field} "a\\ud800b" is not allowed: half of a surrogate pair is no UTF-8`,
    );
    t.true(((await refused(t, field, 'long'.repeat(1e6)))?.message.length ?? 0) < 200);
  });
}

test('any name comes out as it went in, or is refused', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (name) => {
      const path = poolOf(t);
      const isLegal = name !== '' && Buffer.byteLength(name) <= 48 && !/[|\0]/.test(name);
      using writer = diagnostics(path, { vmId: 'vm' });
      const written = writer.event(name, 'text');
      if (isLegal) {
        await written;
        t.is(readDiagnosticsSync(path).diagnostics[0]?.name, name);
      } else {
        await t.throwsAsync(written, { instanceOf: FieldError });
        t.false(existsSync(path));
      }
    }),
    { numRuns: 100 },
  );
});

/** What the layer makes of an agent and a name: the parts in its keys, and the name that a reader gets. */
async function layered(t: ExecutionContext, agent: string, name: string) {
  const path = poolOf(t);
  const registry = new Registry().with(new EmitKVPLayer({ path, agent, vmId: 'v'.repeat(36) }));
  withDefault(registry, () => target('t').inSpan(name, () => {}));
  t.like(await registry.shutdown(), { complete: true, problems: [] });
  const { diagnostics: found, problems } = readDiagnosticsSync(path);
  t.deepEqual(problems, []);
  t.is(found.length, 2);
  const keys = readPool(path).map(({ key }) => key.split('|'));
  t.true(
    keys.every((parts) => parts.length === 11 && parts[1] === keys[0]?.[1] && parts[4] === keys[0]?.[4]),
  );
  return { agent: keys[0]?.[1] ?? '', name: keys[0]?.[4] ?? '', full: found.map((said) => said.name) };
}

test('the layer keeps a name at its limit, cuts a longer one at a character, and keeps the full one', async (t) => {
  for (const name of textsOf(48)) {
    t.deepEqual(await layered(t, 'a', name), { agent: 'a', name, full: [name, name] });
  }
  for (const name of textsOf(49)) {
    const cut = await layered(t, 'a', name);
    t.deepEqual(cut.full, [name, name]);
    t.true(name.startsWith(cut.name) && Buffer.byteLength(cut.name) >= 45);
    t.true(Buffer.byteLength(cut.name) <= 48);
  }
});

test('the layer replaces separators and NUL in a name and keeps the full one', async (t) => {
  for (const [name, shown] of [
    ['a|b\0c\nd', 'a_b_c_d'],
    ['|'.repeat(49), '_'.repeat(48)],
  ] as const) {
    t.deepEqual(await layered(t, 'a', name), { agent: 'a', name: shown, full: [name, name] });
  }
});

test('the layer cuts an agent so that its version stays whole', async (t) => {
  for (const agent of textsOf(32)) t.is((await layered(t, agent, 'n')).agent, agent);
  for (const name of textsOf(30)) {
    const { agent } = await layered(t, `${name}/1.0`, 'n');
    t.true(agent.endsWith('/1.0') && name.startsWith(agent.slice(0, -4)), agent);
    t.true(Buffer.byteLength(agent) <= 32 && Buffer.byteLength(agent) >= 29);
  }
  t.is((await layered(t, 'a|b\0/1', 'n')).agent, 'a_b_/1');
});

test('a vm_id that does not fit is refused by the layer as well: a part of one would be that of another VM', (t) => {
  for (const vmId of ['v'.repeat(37), '日'.repeat(13), 'a|b', 'a\0b']) {
    t.throws(() => new EmitKVPLayer({ path: poolOf(t), vmId }), { instanceOf: FieldError });
  }
});

test('what is no text, no encoding, no number is named with what was given', async (t) => {
  const path = poolOf(t);
  const refusals = [
    [{ agent: 5 }, 'agent must be a text, not 5'],
    [{ vmId: {} }, 'vm_id must be a text, not an object'],
    [{ encoding: 'zip' }, `encoding must be 'none', 'zlib+b64', 'gz+b64' or 'auto', not "zip"`],
    [{ maxRecords: 0 }, 'maxRecords must be a whole number from 1, not 0'],
  ] as const;
  for (const [options, message] of refusals) {
    t.throws(() => diagnostics(path, { vmId: 'vm', ...options } as object), {
      instanceOf: OptionError,
      message,
    });
  }
  t.throws(() => diagnostics({ pool: 9 }, { vmId: 'vm' }), { instanceOf: OptionError });
  const writer = diagnostics(path, { vmId: 'vm' });
  const began = { name: 'n', id: 'i' };
  const seconds = 'seconds from 0 to 9007199254740991';
  const calls: [Promise<unknown>, string][] = [
    [writer.start(5 as never), 'name must be a text, not 5'],
    [
      writer.start('n', '', { encoding: 'zip' as never }),
      `encoding must be 'none', 'zlib+b64', 'gz+b64' or 'auto', not "zip"`,
    ],
    [writer.event('n', '', { result: 'warn' as never }), `result must be 'success' or 'fail', not "warn"`],
    [writer.event('n', '', { duration: -1 }), `duration must be ${seconds}, not -1`],
    [writer.event('n', '', { duration: NaN }), `duration must be ${seconds}, not NaN`],
    [
      writer.finish(began, undefined as never, '', { duration: 1 }),
      `result must be 'success' or 'fail', not undefined`,
    ],
    [writer.finish(began, 'fail', '', { duration: '1' as never }), `duration must be ${seconds}, not "1"`],
    [writer.finish(null as never, 'fail', '', { duration: 1 }), 'name must be a text, not undefined'],
    [writer.artifact('n', 5 as never), 'source must be bytes or a path, not 5'],
    [
      writer.artifact('n', 'package.json', { maxBytes: 0.5 }),
      'maxBytes must be a whole number from 1, not 0.5',
    ],
  ];
  for (const [call, message] of calls) await t.throwsAsync(call, { instanceOf: OptionError, message });
  t.false(existsSync(path));
});
