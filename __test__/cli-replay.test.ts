import { appendFileSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { misbehaving } from './helpers/collector.ts';
import { bytesOf, keyOf } from './helpers/diag-records.ts';
import { FLEET_SIZE, makeFleet } from './helpers/fleet.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { poolOf, replay } from './helpers/replaying.ts';
import { Rotel, rotelMissing } from './helpers/rotel.ts';

/** Repeats a replay until a signal does not end it any more; how the others ended. */
async function replayToTheEnd(
  t: ExecutionContext,
  args: readonly string[],
  onStart: (child: ReturnType<typeof replay>['child']) => void,
) {
  const interrupted = [];
  for (;;) {
    const { child, done } = replay(args);
    onStart(child);
    const ended = await done;
    if (ended.signal === null) {
      t.is(ended.status, 0, ended.stderr);
      return interrupted;
    }
    interrupted.push(ended);
  }
}

interface Body {
  resourceSpans: { scopeSpans: { spans: { traceId: string; spanId: string }[] }[] }[];
}

/** A collector that keeps the ids of spans; `answer` may answer in place of it. */
async function collector(
  t: ExecutionContext,
  answer: (response: ServerResponse, batch: number) => unknown = () => {},
): Promise<{ endpoint: string; batches: string[][] }> {
  const batches: string[][] = [];
  const endpoint = await misbehaving(t, async (request: IncomingMessage, response: ServerResponse) => {
    const { resourceSpans } = (await json(request)) as Body;
    const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
    batches.push(spans.map(({ traceId, spanId }) => `${traceId}-${spanId}`));
    await answer(response, batches.length);
    if (!response.writableEnded) response.end('{}');
  });
  return { endpoint, batches };
}

test('each span of a fleet arrives once at a real receiver, with the attributes that were given', async (t) => {
  if (!has(t, rotelMissing)) return;
  const folder = folderOf(t);
  const pools = makeFleet(join(folder, 'pools'), 60);
  const rotel = await Rotel.start(t);
  const expected = pools.reduce((sum, { spans }) => sum + spans, 0);
  const args = ['--endpoint', rotel.endpoint, '--state', join(folder, 'state')];
  const attributes = ['--attribute', 'cloud.region=westeurope', '--attribute', 'image=a=b'];
  const env = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' };
  const { status, stdout } = await replay([...args, ...attributes, join(folder, 'pools')], { env }).done;
  t.is(status, 0);
  t.true(stdout.startsWith(`sent ${expected.toLocaleString('en')} spans with `), stdout);
  const spans = await rotel.received(expected);
  t.is(spans.length, expected);
  t.is(new Set(spans.map(({ traceId, spanId }) => `${traceId}-${spanId}`)).size, expected);
  for (const { resource } of spans) {
    t.is(resource['cloud.region'], 'Str(westeurope)');
    t.is(resource['image'], 'Str(a=b)');
    t.regex(resource['host.id'] ?? '', /-1111-4000/);
  }
  const again = await replay([...args, join(folder, 'pools')], { env }).done;
  t.true(
    again.stdout.startsWith('sent 0 spans with 0 events that were not sent before, of 57 pools'),
    again.stdout,
  );
  t.is((await rotel.stop()).length, expected);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`after ${signal} the same command goes on, and each span arrives once`, async (t) => {
    t.timeout(1_800_000);
    const folder = folderOf(t);
    const pools = makeFleet(join(folder, 'pools'), FLEET_SIZE);
    const args = ['--state', join(folder, 'state'), join(folder, 'pools')];
    let child: ReturnType<typeof replay>['child'] | undefined;
    const stops = [1, 3, 20, Math.floor(FLEET_SIZE / 2)];
    const { endpoint, batches } = await collector(t, async (_, batch) => {
      if (!stops.includes(batch)) return;
      // It comes while the answer is awaited.
      child?.kill(signal);
      await sleep(500);
    });
    const ends = await replayToTheEnd(t, ['--endpoint', endpoint, ...args], (started) => (child = started));
    for (const ended of ends) {
      t.is(ended.signal, signal);
      t.regex(ended.stderr, /interrupted: waiting for the answer/);
    }
    const ids = batches.flat();
    t.is(
      ids.length,
      pools.reduce((sum, { spans }) => sum + spans, 0),
    );
    t.is(new Set(ids).size, ids.length);
  });
}

test('after SIGKILL at most one batch is sent again, with the same ids', async (t) => {
  t.timeout(1_800_000);
  const folder = folderOf(t);
  const pools = makeFleet(join(folder, 'pools'), FLEET_SIZE);
  const args = ['--state', join(folder, 'state'), join(folder, 'pools')];
  let child: ReturnType<typeof replay>['child'] | undefined;
  // Before its answer, and a moment after it.
  const kills = new Map([
    [2, 0],
    [10, 1],
    [30, 3],
    [Math.floor(FLEET_SIZE / 2), 5],
  ]);
  const { endpoint, batches } = await collector(t, async (response, batch) => {
    const delay = kills.get(batch);
    if (delay === undefined) return;
    if (delay > 0) response.end('{}');
    await sleep(delay);
    child?.kill('SIGKILL');
    await sleep(50);
  });
  const killed = await replayToTheEnd(t, ['--endpoint', endpoint, ...args], (started) => (child = started));
  t.is(killed.length, kills.size);
  const expected = pools.reduce((sum, { spans }) => sum + spans, 0);
  t.is(new Set(batches.flat()).size, expected);
  const texts = batches.map((batch) => batch.join());
  const repeated = texts.filter((text, index) => texts.indexOf(text) !== index);
  t.true(repeated.length <= killed.length, `${repeated.length} batches again after ${killed.length} kills`);
  t.is(
    batches.flat().length - expected,
    repeated.reduce((sum, text) => sum + text.split(',').length, 0),
  );
});

test('a pool of more than one batch goes on in its middle', async (t) => {
  const folder = folderOf(t);
  const pool = poolOf(folder, 1300);
  let child: ReturnType<typeof replay>['child'] | undefined;
  const { endpoint, batches } = await collector(t, async (_, batch) => {
    if (batch !== 2) return;
    child?.kill('SIGTERM');
    // The signal is there before the answer.
    await sleep(500);
  });
  const run = () => replay(['--endpoint', endpoint, '--state', join(folder, 'state'), pool]);
  const first = run();
  child = first.child;
  t.is((await first.done).signal, 'SIGTERM');
  t.is((await run().done).status, 0);
  t.deepEqual(
    batches.map(({ length }) => length),
    [512, 512, 276],
  );
  t.is(new Set(batches.flat()).size, 1300);
});

test('what is new in a pool is sent, and nothing else', async (t) => {
  const folder = folderOf(t);
  const pool = poolOf(folder, 3);
  const { endpoint, batches } = await collector(t);
  const run = () =>
    replay(['--endpoint', `${endpoint}/v1/traces`, '--state', join(folder, 'state'), '--json', pool]).done;
  const { stdout } = await run();
  t.deepEqual(JSON.parse(stdout), { pools: 1, spans: 3, events: 0, skipped: 0, refused: 0, failed: 0 });
  appendFileSync(
    pool,
    bytesOf([
      keyOf({ kind: 'finish', name: 'late', id: 'late', result: 'success', duration: '1' }),
      '{"fields":{}}',
    ]),
  );
  await run();
  t.deepEqual(
    batches.map(({ length }) => length),
    [3, 1],
  );
  t.is(statSync(join(folder, 'state')).mode & 0o777, 0o600);
});

test('--dry-run prints what would be sent, sends nothing and remembers nothing', async (t) => {
  const folder = folderOf(t);
  const pool = poolOf(folder, 2);
  const state = join(folder, 'state');
  const { stdout, status } = await replay(['--dry-run', '--state', state, pool]).done;
  t.is(status, 0);
  t.regex(
    stdout,
    /^[0-9a-f]{32} [0-9a-f]{16} agent step0 500 ms\n[0-9a-f]{32} [0-9a-f]{16} agent step1 500 ms\n$/,
  );
  t.throws(() => statSync(state), { code: 'ENOENT' });
  const spans = JSON.parse(
    (await replay(['--dry-run', '--json', '--attribute', 'a=1', pool]).done).stdout,
  ) as {
    name: string;
    resource: object;
  }[];
  t.deepEqual(spans.map(({ name }) => name).sort(), ['step0', 'step1']);
  t.like(spans[0]?.resource, { 'service.name': 'agent', a: '1' });
});

test('a line of the state that was cut short does not count; a file that is no state is left as it is', async (t) => {
  const folder = folderOf(t);
  const pool = poolOf(folder, 2);
  const state = join(folder, 'state');
  const { endpoint, batches } = await collector(t);
  const run = (file = state) => replay(['--endpoint', endpoint, '--state', file, pool]).done;
  await run();
  const whole = readFileSync(state, 'utf8');
  appendFileSync(state, '{"pool":"/x","forwar');
  t.is((await run()).status, 0);
  t.is(batches.length, 1);
  t.is(readFileSync(state, 'utf8'), whole);
  // Killed while it was made.
  writeFileSync(state, '{"state":"kv');
  t.is((await run()).status, 0);
  t.is(readFileSync(state, 'utf8'), whole);
  t.is(batches.length, 2);

  const damaged = join(folder, 'damaged');
  for (const line of [
    '{"pool":"/x","forwarded":["a"]',
    '{"pool":"/x\\q","forwarded":["a"]}',
    '{"pool":/x,"forwarded":["a"]}',
    `{"pool":"/${'x'.repeat(20_000_000)}`,
  ]) {
    writeFileSync(damaged, `{"state":"kvp replay","version":1}\n${line}\n`);
    const { status, stderr } = await run(damaged);
    t.is(status, 3);
    t.regex(stderr, /is no state of a replay: a line of it is damaged/);
  }

  const before = readFileSync(pool);
  for (const [file, said] of [
    [pool, /is no state of a replay: give a file that a replay made/],
    [folder, /is no state of a replay: it is no regular file; give the file itself/],
  ] as const) {
    const { status, stderr } = await run(file);
    t.is(status, 3);
    t.regex(stderr, said);
  }
  t.true(readFileSync(pool).equals(before));
  symlinkSync(state, join(folder, 'link'));
  const linked = await run(join(folder, 'link'));
  t.is(linked.status, 3);
  t.regex(linked.stderr, /link is no state of a replay: it is no regular file; give the file itself/);
  t.is(batches.length, 2);
});

test('spans that a collector refuses of a batch are told and not sent again; a batch that it refuses is', async (t) => {
  const folder = folderOf(t);
  const pool = poolOf(folder, 3);
  const { endpoint, batches } = await collector(t, (response, batch) => {
    if (batch === 1) response.writeHead(401).end('who are you?');
    if (batch === 2) response.end('{"partialSuccess":{"rejectedSpans":1,"errorMessage":"too old"}}');
  });
  const run = () => replay(['--endpoint', endpoint, '--state', join(folder, 'state'), pool]).done;
  const refused = await run();
  t.is(refused.status, 3);
  t.regex(refused.stderr, /the collector answered 401 who are you\?/);
  t.false(refused.stderr.includes('\n    at '));
  const partly = await run();
  t.is(partly.status, 3);
  t.is(partly.stderr, 'the collector refused 1 span: the collector refused spans: too old\n');
  t.is((await run()).status, 0);
  t.is(batches.length, 2);
});

test('files that are no pools are said; only one that was named makes it fail', async (t) => {
  const folder = folderOf(t);
  poolOf(folder, 1);
  writeFileSync(join(folder, 'README'), 'no pool');
  const { endpoint, batches } = await collector(t);
  const inFolder = await replay(['--endpoint', endpoint, folder]).done;
  t.is(inFolder.status, 0);
  t.regex(inFolder.stderr, /README is no pool/);
  const named = await replay(['--endpoint', endpoint, join(folder, 'README'), join(folder, 'pool')]).done;
  t.is(named.status, 3);
  t.is(batches.length, 2);
});
