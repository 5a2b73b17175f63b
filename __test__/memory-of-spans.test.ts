import { execFileSync } from 'node:child_process';
import test from 'ava';
import { onBuilt, ROOT } from './helpers/programs.ts';

/** What a program on the built package prints as JSON; `used()` is its heap after a collection. */
function measured(program: string): Record<string, number> {
  const source = `
    import { Registry, target, withDefault } from 'kvp-tracing';
    const log = target('agent');
    const heard = { onNewSpan: (span, view) => view.set(span, { open: true }), onClose: () => {}, onEvent: () => {} };
    const registry = new Registry().with(heard);
    const used = () => (gc(), gc(), process.memoryUsage().heapUsed);
    const timed = (run) => { const began = performance.now(); run(); return performance.now() - began; };
    const result = await withDefault(registry, async () => {${program}});
    console.log(JSON.stringify(result));`;
  const args = ['--expose-gc', ...onBuilt(source)];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })) as Record<
    string,
    number
  >;
}

test('a million closed spans leave nothing behind, however they were made', (t) => {
  const { grown, spans } = measured(`
    let spans = 0;
    const later = log.instrument({ fields: (i) => ({ i }), ret: true }, async (i) => i);
    const counted = log.instrument(function* counted() { yield 1; });
    const round = async (count) => {
      for (let i = 0; i < count; i++) {
        const span = log.span('made', { fields: { i }, parent: null });
        span.bind(() => log.info({ i }, 'hi'))();
        span.id;
        span.close();
        log.inSpan('block', (block) => block.record({ i }).followsFrom(span));
        await later(i);
        for (const one of counted()) break;
        spans += 4;
      }
    };
    await round(2500);
    const before = used();
    await round(250000);
    return { grown: used() - before, spans };`);
  t.true((spans ?? 0) >= 1_000_000);
  // Kept spans of 400 bytes would be 400 MB; what is left is that of compiled code and the like.
  t.true((grown ?? Infinity) < 2_000_000, `${grown} bytes`);
});

test('a million spans can be open, each costs as much as the first ones, and less than 400 bytes', (t) => {
  const { bytes, first, last, left } = measured(`
    const COUNT = 1000000;
    const spans = new Array(COUNT).fill(undefined);
    const bare = withDefault(new Registry().with({}), () => {
      for (let i = 0; i < 5000; i++) log.span('warm').close();
      const before = used();
      for (let i = 0; i < 100000; i++) spans[i] = log.span('work');
      return (used() - before) / 100000;
    });
    spans.fill(undefined);
    const empty = used();
    const tenths = Array.from({ length: 10 }, (_, tenth) => timed(() => {
      for (let i = 0; i < COUNT / 10; i++) {
        // Siblings, and now and then a child of one that was opened long ago.
        const at = tenth * COUNT / 10 + i;
        spans[at] = log.span('work', at % 10 === 0 ? { parent: spans[at / 2] } : {});
      }
    }));
    for (const span of spans) span.close();
    spans.length = 0;
    return { bytes: bare, first: Math.min(...tenths.slice(0, 5)), last: Math.min(...tenths.slice(5)), left: used() - empty };`);
  t.true((bytes ?? Infinity) <= 400, `${bytes} bytes`);
  // Were a span's cost to grow with those that are open, the last ones would cost five times as much or more.
  t.true((last ?? Infinity) < 4 * (first ?? 0) + 50, `${first} ms, then ${last} ms`);
  t.true((left ?? Infinity) < 10_000_000, `${left} bytes`);
});
