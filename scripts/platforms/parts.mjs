/** The files of tests that say whether the package works at all: of what writes and reads pools, and of what it is made of. */
const FILES = new Set(
  `azure-init-format azure-init-reader binding bounded-cache budget cloud-init-reader concurrency diag-artifact diag-fields diag-writer
  dry-run-store durability env-filter env-filter-reload env-filter-scope env-filter-text exits failure-reason fallback
  foreign-files format frame inheritance instrument instrument-generators instrument-thenables json-layer key-layout
  kvp-layer limits line-file line-sink lines memory-layer missing-folder obstacles opentelemetry-context
  opentelemetry-errors opentelemetry-layer opentelemetry-otlp opentelemetry-provider options otlp-exporter
  parents-elsewhere pool-export pool-identity propagation reader redact redact-copies redact-hideouts redact-pairs
  replay report reporter rewriter setup setup-shutdown shown-name signals span-processor spans stale stderr store
  store-errors store-locks summary timeline timeline-inference timestamp trace-context trace-ids tracing value`
    .trim()
    .split(/\s+/),
);
export const CORE = (name) => FILES.has(name);

/** An emulated processor is slow: what has to do with memory, threads, locks and system calls. */
const OF_MACHINES = new Set(
  'binding concurrency durability exits fallback frame kvp-layer reader signals store store-locks'.split(' '),
);
export const ARM64 = (name) => OF_MACHINES.has(name);

/** Tests that fail on a platform by titles, and why. */
const DIFFERING = {
  bun: [
    [/an unhandled rejection/, 'Bun tells nobody of a rejection before it ends the program'],
    [
      /exits › workers that are terminated/,
      'in a worker Bun may not tell that a program ended while another worker is terminated',
    ],
    [/rewriter › without the program flock/, 'Bun has another text for a program that is missing'],
    [/redact-copies › a copy of a function/, 'a copy of a function has no name'],
    [/stderr › texts are quoted/, 'Bun rewrites the template of the test'],
  ],
  deno: [
    [/exits › everything is in the pool after an un/, 'Deno calls no exit listeners after an error'],
    [
      /signals › (?:an uncaught error|something that has no text)/,
      'Deno forgets which span an error came from',
    ],
    [
      /signals › (?:a program that listens|what was emitted is in|a second signal)/,
      'a listener of the program does not keep Deno from ending by the signal',
    ],
    [
      /obstacles › where a file may not become|store-errors › a write that the disk has no room/,
      'the system ends Deno by SIGXFSZ where a file may not become larger',
    ],
    [
      /instrument-generators › an async generator that is asked ahead/,
      'Deno resumes an async generator that was asked ahead in no context',
    ],
    [
      /line-file › (?:each cause of a loss|a flush says what waits)/,
      'Deno has other texts for errors of the system',
    ],
    [
      /line-file › a line that is written in part/,
      'Deno does not tell how much of a line a full pipe has taken',
    ],
    [/diag-writer › more than 4 kB/, 'the test replaces a function of node:zlib, which Deno does not allow'],
    [/inheritance › children get no descriptor/, 'Deno itself has its cache open'],
    [
      /parents-elsewhere › a span whose|setup › OpenTelemetry joins|propagation › (?:a program that a|environmentContext: false|where nothing)/,
      'Deno looks for packages beside the main program',
    ],
  ],
  musl: [[/format › with the documented/, 'the loader of TypeScript that the test uses is for glibc']],
};

export const differing = (platform) =>
  Object.entries(DIFFERING).flatMap(([name, tests]) => (platform.startsWith(name) ? tests : []));
