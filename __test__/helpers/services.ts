import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readDiagnosticsSync } from '../../src/diagnostics/read/read-diagnostics.ts';
import { timeline } from '../../src/diagnostics/timeline/timeline.ts';
import type { TimelineNode } from '../../src/diagnostics/timeline/timeline-node.ts';
import { ended } from './programs.ts';
import type { ReceivedSpan } from './rotel.ts';

/** Starts a program of fixtures/sdk-matrix/services.cjs. */
export type StartService = (name: string, env: NodeJS.ProcessEnv) => ChildProcess;

/** What the programs said, all of them ended. */
export interface Served {
  /** By client: how often each server got `traceparent` and `tracestate`. */
  answers: Record<string, string>;
  stderr: string;
}

/** Has a program ask a server of Express by each client of Node.js, and that server ask one of Fastify. */
export async function serve(start: StartService): Promise<Served> {
  const servers: { server: ChildProcess; end: ReturnType<typeof ended> }[] = [];
  const started = async (name: string, env: NodeJS.ProcessEnv): Promise<string> => {
    const server = start(name, env);
    servers.push({ server, end: ended(server) });
    const [port] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [string];
    return `http://127.0.0.1:${port.trim()}`;
  };
  try {
    const last = await started('fastify', {});
    const first = await started('express', { NEXT: `${last}/rights/7?sig=1` });
    const { stdout, stderr } = await ended(start('caller', { NEXT: `${first}/users/alice` }));
    for (const { server } of servers) server.kill('SIGTERM');
    const ends = await Promise.all(servers.map(({ end }) => end));
    return {
      answers: JSON.parse(stdout || '{}'),
      stderr: [stderr, ...ends.map((end) => end.stderr)].join(''),
    };
  } finally {
    for (const { server } of servers) server.kill('SIGKILL');
  }
}

/** Spans of a receiver, each of which is a text: `name (kind of service)` and, in brackets, its children. */
export function treesOf(spans: readonly ReceivedSpan[]): string[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans
    .filter(({ parentId }) => !ids.has(parentId))
    .map((root) =>
      treeText(root, {
        own: ({ name, kind, resource }) =>
          `${name} (${kind.replace('SPAN_KIND_', '').toLowerCase()} of ${resource['service.name']?.slice(4, -1)})`,
        children: ({ spanId }) => spans.filter(({ parentId }) => parentId === spanId),
      }),
    )
    .sort();
}

/** The same of the spans of a pool. */
export function treesIn(pool: string): string[] {
  return timeline(readDiagnosticsSync(pool).diagnostics)
    .roots.map((root) =>
      treeText<TimelineNode>(root, {
        own: ({ name, agent, fields }) =>
          `${String(fields['otel.name'] ?? name)} (${String(fields['otel.kind'] ?? 'internal')} of ${agent.replace(/\/.*/, '')})`,
        children: ({ children }) => children,
      }),
    )
    .sort();
}

function treeText<T>(root: T, of: { own: (span: T) => string; children: (span: T) => readonly T[] }): string {
  const inside = of.children(root).map((child) => treeText(child, of));
  return inside.length === 0 ? of.own(root) : `${of.own(root)} [${inside.sort().join(', ')}]`;
}
