import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  diagnostics,
  EmitKVPLayer,
  EnvFilter,
  KvpError,
  initializeTracing,
  openPool,
  parseReport,
  readDiagnosticsSync,
  Registry,
  setGlobalDefault,
  target,
  withDefault,
} from '../src/index.ts';
import { replay } from '../src/opentelemetry/index.ts';
import { holdLock } from './helpers/lock-holder.ts';
import { folderOf, poolOf } from './helpers/pool-folder.ts';
import { onBuilt, ROOT } from './helpers/programs.ts';

const PAGE = readFileSync(new URL('docs/reference/errors.md', ROOT), 'utf8');
/** The rows of the page's tables: a code, what the error says for example, why, what to do. */
const ROWS = PAGE.split('\n')
  .filter((line) => line.startsWith('| `ERR_KVP_'))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));

const VM = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const PRODUCER = { agent: 'agent/1.0', vmId: VM };

/** The first problem with this code that is told. */
function told(code: string, act: (onProblem: (problem: Error) => void) => unknown): Promise<KvpError> {
  return new Promise((resolve) => {
    void act((problem) => {
      if ((problem as KvpError).code === code) resolve(problem as KvpError);
    });
  });
}

/** What a program on the built package prints as code and message of an error, with these variables. */
function ofProgram(t: ExecutionContext, source: string, env: NodeJS.ProcessEnv = {}, cwd = folderOf(t)) {
  const modules = join(cwd, 'node_modules/kvp-tracing');
  for (const part of ['dist', 'package.json'])
    cpSync(new URL(part, ROOT), join(modules, part), { recursive: true });
  const program = `const say = (error) => console.log(JSON.stringify({ code: error.code, message: error.message }));${source}`;
  const { stdout, stderr } = spawnSync(process.execPath, onBuilt(program), {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  t.regex(stdout, /^\{.*\}\n$/, stderr);
  return JSON.parse(stdout) as KvpError;
}

/** How each error comes about. */
const PROVOKED: Record<string, (t: ExecutionContext) => unknown> = {
  ERR_KVP_INVALID_OPTION: () => initializeTracing({ stderr: { colour: true } as never }),
  ERR_KVP_INVALID_FILTER: () => EnvFilter.parse('info,agent=loud'),
  ERR_KVP_INVALID_FIELD: (t) => diagnostics(poolOf(t), { ...PRODUCER, agent: 'a|b' }),
  ERR_KVP_FIELD_TOO_LONG: (t) => diagnostics(poolOf(t), PRODUCER).event('x'.repeat(60), 'text'),
  ERR_KVP_EMPTY_KEY: (t) => openPool(poolOf(t)).set('', 'value'),
  ERR_KVP_KEY_TOO_LONG: (t) => openPool(poolOf(t)).set('k'.repeat(300), 'value'),
  ERR_KVP_VALUE_TOO_LONG: (t) => openPool(poolOf(t)).set('key', 'v'.repeat(1100)),
  ERR_KVP_NUL: (t) => openPool(poolOf(t)).set('key', 'a\0b'),
  ERR_KVP_POOL_FULL: async (t) => {
    const pool = openPool(poolOf(t), { maxKeys: 1 });
    await pool.set('one', '1');
    await pool.set('two', '2');
  },
  ERR_KVP_TOO_LARGE: (t) =>
    diagnostics(poolOf(t), PRODUCER).artifact('log', Buffer.alloc(20 * 1024 * 1024, 'x')),
  ERR_KVP_MALFORMED_REPORT: () => parseReport('no report'),
  ERR_KVP_FOREIGN_REPORT: async (t) => {
    const path = poolOf(t);
    const report = `result=success|agent=cloud-init/26|pps_type=None|vm_id=${VM}|timestamp=2026-08-31T12:00:00Z`;
    await openPool(path).set('PROVISIONING_REPORT', report);
    const tracing = await initializeTracing({ service: 'agent', kvp: { path, vmId: VM }, stderr: false });
    const { error } = await tracing.reportSuccess();
    await tracing.shutdown();
    throw error;
  },
  ERR_KVP_MALFORMED_POOL: async (t) => {
    const path = poolOf(t);
    await openPool(path).set('key', 'value');
    truncateSync(path, 2 ** 32);
    await openPool(path, { readOnly: true }).dump();
  },
  ERR_KVP_NOT_A_POOL_FILE: (t) => {
    const path = poolOf(t);
    writeFileSync(path, '#!/bin/sh\n');
    return openPool(path).append('key', 'value');
  },
  ERR_KVP_IO: (t) => openPool(join(folderOf(t), 'missing/.kvp_pool_1')).append('key', 'value'),
  ERR_KVP_LOCK_TIMEOUT: async (t) => {
    const path = poolOf(t);
    await openPool(path).set('key', 'value');
    await holdLock(t, 'flock', path);
    await openPool(path, { lockTimeout: 50 }).set('key', 'other');
  },
  ERR_KVP_CLOSED: async (t) => {
    const pool = openPool(poolOf(t));
    pool.close();
    await pool.get('key');
  },
  ERR_KVP_READ_ONLY: async (t) => {
    const path = poolOf(t);
    await openPool(path).set('key', 'value');
    await openPool(path, { readOnly: true }).set('key', 'other');
  },
  ERR_KVP_NO_LOCK: (t) => {
    const source = `const { openPool } = await import('kvp-tracing'); openPool('pool').set('key', 'value').catch(say);`;
    throw ofProgram(t, source, { KVP_TRACING_BACKEND: 'js', PATH: '/nowhere' });
  },
  ERR_KVP_BINDING: (t) => {
    const source = `const { backend } = await import('kvp-tracing'); try { backend(); } catch (error) { say(error); }`;
    throw ofProgram(t, source, { KVP_TRACING_BACKEND: 'native', KVP_TRACING_NATIVE: '/nowhere.node' });
  },
  ERR_KVP_MISSING_PEER: (t) => {
    const source = `const { initializeTracing } = await import('kvp-tracing');
      const tracing = await initializeTracing({ kvp: false, stderr: false, opentelemetry: {}, onProblem: () => {} });
      say((await tracing.shutdown()).problems[0]);`;
    const folder = folderOf(t);
    const api = 'node_modules/@opentelemetry/api';
    cpSync(new URL(api, ROOT), join(folder, api), { recursive: true });
    throw ofProgram(t, source, {}, folder);
  },
  ERR_KVP_SUBSCRIBER_SET: async (t) => {
    const first = new Registry();
    setGlobalDefault(first);
    t.teardown(() => first.shutdown());
    setGlobalDefault(new Registry());
  },
  ERR_KVP_LAYER: async () => {
    throw await told('ERR_KVP_LAYER', (onProblem) => {
      const layer = {
        name: 'Mine',
        onEvent() {
          throw new Error('out of order');
        },
      };
      withDefault(new Registry({ onProblem }).with(layer), () => target('agent').info('text'));
    });
  },
  ERR_KVP_DROPPED: async (t) => {
    throw await told('ERR_KVP_DROPPED', async (onProblem) => {
      const layer = new EmitKVPLayer({ path: poolOf(t), maxRecords: 4, ...PRODUCER, onProblem });
      const registry = new Registry({ onProblem }).with(layer);
      withDefault(registry, () => {
        for (let i = 0; i < 10; i++) target('agent').info('text');
      });
      await registry.shutdown();
    });
  },
  ERR_KVP_POOL_OPENED: async (t) => {
    throw await told('ERR_KVP_POOL_OPENED', async (onProblem) => {
      const folder = join(folderOf(t), 'hyperv');
      const layer = new EmitKVPLayer({ path: join(folder, '.kvp_pool_1'), ...PRODUCER, onProblem });
      const registry = new Registry({ onProblem }).with(layer);
      withDefault(registry, () => target('agent').info('text'));
      await registry.flush({ timeout: 300 });
      mkdirSync(folder);
      while (!existsSync(join(folder, '.kvp_pool_1'))) await setTimeout(20);
      await registry.flush();
      await registry.shutdown();
    });
  },
  ERR_KVP_EXPORT: async (t) => {
    const path = poolOf(t);
    const registry = new Registry().with(new EmitKVPLayer({ path, ...PRODUCER }));
    withDefault(registry, () => target('agent').inSpan('work', () => {}));
    await registry.shutdown();
    t.is(readDiagnosticsSync(path).diagnostics.length, 2);
    await replay(path, {
      export: (_spans: unknown, done: (result: { code: number; error: Error }) => void) =>
        done({ code: 1, error: new Error('401 Unauthorized') }),
      shutdown: () => Promise.resolve(),
    } as never);
  },
};

/** What no small program brings about, and where it is tried. */
const TRIED_IN: Record<string, string> = {
  ERR_KVP_NO_MEMORY: '__test__/memory-limit.test.ts',
  ERR_KVP_PANIC: 'crates/kvp/tests/channel.rs',
};

/** A message without what differs from run to run. */
function masked(message: string): string {
  return (
    message
      .replaceAll(/\/tmp\/kvp-test-\w+(?:\/hyperv|\/missing)?/g, '/var/lib/hyperv')
      .replaceAll('\\|', '|')
      // Which versions go with this Node.js.
      .replaceAll(/(?<=@opentelemetry\/[\w-]+)@[\d.]+/g, '')
      .replaceAll(/\d+\.\d+ s after/g, '0.4 s after')
  );
}

test('each code of the sources has a row, with a cause and a cure, and is brought about by a test', (t) => {
  const sources = ['src', 'crates/kvp/src'].flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(?:ts|rs)$/.test(name))
      .map((name) => readFileSync(new URL(`${folder}/${name}`, ROOT), 'utf8')),
  );
  const codes = new Set(sources.flatMap((text) => text.match(/ERR_KVP_[A-Z]+(?:_[A-Z]+)*/g) ?? []));
  t.deepEqual(ROWS.map(([, code = '']) => code.slice(1, -1)).sort(), [...codes].sort());
  for (const [, code = '', , cause, cure] of ROWS) {
    t.truthy(cause && cure, code);
    const name = code.slice(1, -1);
    const file = TRIED_IN[name];
    if (file !== undefined) t.true(readFileSync(new URL(file, ROOT), 'utf8').includes(name), name);
    else t.true(name in PROVOKED, name);
  }
});

for (const [code, provoke] of Object.entries(PROVOKED)) {
  test.serial(`${code} says what docs/reference/errors.md says`, async (t) => {
    let error: KvpError | undefined;
    try {
      await provoke(t);
    } catch (thrown) {
      error = thrown as KvpError;
    }
    t.is(error?.code, code);
    const [, , says = ''] = ROWS.find(([, cell]) => cell === `\`${code}\``) ?? [];
    t.is(masked(error?.message ?? ''), masked(says.replace(/^`+ ?| ?`+$/g, '')));
  });
}
