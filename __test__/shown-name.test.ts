import { Writable } from 'node:stream';
import test from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { timeline } from '../src/diagnostics/timeline/timeline.ts';
import { renderTree } from '../src/format/render-tree.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { StderrLayer } from '../src/layers/stderr-layer.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { poolOf } from './helpers/pool-folder.ts';

const log = target('http');

test('lines show a span by its otel.name, also when it gets one later', async (t) => {
  for (const format of ['full', 'compact', 'pretty'] as const) {
    const texts: string[] = [];
    const writer = new Writable({
      write(chunk, _, done) {
        texts.push(String(chunk));
        done();
      },
    });
    const layer = new StderrLayer({ format, color: false, spanEvents: [], filter: 'info', writer });
    withDefault(new Registry().with(layer), () =>
      log.inSpan('GET', (span) => {
        log.info('before');
        span.record({ 'otel.name': 'GET /users/:id' });
        log.info('after');
      }),
    );
    await layer.flush();
    const lines = texts.join('');
    const before = lines.slice(0, lines.indexOf('after'));
    t.regex(before, /GET/, format);
    t.regex(
      lines,
      { full: /GET \/users\/:id\{/, compact: /GET \/users\/:id:/, pretty: /GET \/users\/:id with/ }[format],
    );
  }
});

test('a tree shows a span by its otel.name', async (t) => {
  const path = poolOf(t);
  const registry = new Registry().with(new EmitKVPLayer({ path, vmId: 'vm' }));
  withDefault(registry, () =>
    log.inSpan('GET', (span) => void span.record({ 'otel.name': 'GET /users/:id' })),
  );
  await registry.shutdown();
  t.regex(renderTree(timeline(readDiagnosticsSync(path).diagnostics)), /GET \/users\/:id {2}/);
});
