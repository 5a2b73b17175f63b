import { SpanStatusCode, trace } from '@opentelemetry/api';

const tracer = trace.getTracer('web');
tracer.startActiveSpan('GET /disks', (span) => {
  span.recordException(new Error('no such controller'));
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'no such controller' });
  span.end();
});
