import { SpanStatusCode, trace } from '@opentelemetry/api';

trace.getTracer('web').startActiveSpan('GET /disks', (span) => {
  span.addEvent('not in the cache', { key: 'disks' });
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'no such controller' });
  span.end();
});
