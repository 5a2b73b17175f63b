import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import ts from 'typescript';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { poolOf } from './helpers/pool-folder.ts';
import { type Ended, ended, onBuilt, ROOT } from './helpers/programs.ts';

/** Fake clocks and timers, as test tools and worse ones put them in place. */
const FAKES = {
  'those of sinon, jest and vitest': `
    const { default: fakeTimers } = await import('@sinonjs/fake-timers');
    fakeTimers.install({ now: 0 });`,
  'those of node:test': `
    const { mock } = await import('node:test');
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'], now: 0 });`,
  'those that never fire': `
    const never = () => ({ unref() { return this; }, ref() { return this; }, hasRef: () => true });
    for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) globalThis[name] = never;
    for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate']) globalThis[name] = () => {};
    const RealDate = Date;
    globalThis.Date = class extends RealDate {
      constructor(...args) { super(...(args.length === 0 ? [0] : args)); }
      static now() { return 0; }
    };
    performance.now = () => 0;
    process.nextTick = () => {};
    process.hrtime = Object.assign(() => [0, 0], { bigint: () => 0n });`,
};

const NONSENSE = {
  'a Date.now() that is NaN': `Date.now = () => NaN; performance.now = () => NaN;`,
  'a Date.now() that is a bigint': `Date.now = () => 5n; performance.now = () => 5n;`,
  'clocks that throw': `
    const boom = () => { throw new Error('boom'); };
    Date.now = boom;
    performance.now = boom;
    globalThis.Date = class { constructor() { boom(); } static now() { boom(); } };`,
  'dates that are invalid': `
    const RealDate = Date;
    globalThis.Date = class extends RealDate { constructor() { super(NaN); } static now() { return NaN; } };`,
};

const IMPORT = `const { initializeTracing, info, inSpan } = await import('kvp-tracing');`;

const PROGRAM = `
  let exported = 0;
  const exporter = {
    export(spans, done) { exported += spans.length; done({ code: 0 }); },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const tracing = await initializeTracing({
    kvp: { path, vmId: 'vm' },
    opentelemetry: { exporter },
    stderr: { filter: 'info' },
    file: { path: path + '.log', format: 'json' },
    signals: true,
  });
  await inSpan('work', async () => info('in it'));
  const flushed = await tracing.flush();
  const { written } = await tracing.reportSuccess();
  info('after it');
  const ended = await tracing.shutdown();
  writeSync(1, JSON.stringify({ exported, written, flushed, ended }));
  process.exit(3);`;

const EXIT = `
  const tracing = await initializeTracing({ kvp: { path, vmId: 'vm' }, stderr: { filter: 'info' } });
  process.on('exit', () => info('in an exit listener'));
  info('last');
  await new Promise((resolve) => realImmediate(() => realImmediate(resolve)));
  process.exit(3);`;

/** Its report waits for a folder that does not come. */
const WAITS = `
  stuck.unref();
  const kvp = { path: path + '.missing/.kvp_pool_1', vmId: 'vm' };
  const tracing = await initializeTracing({ kvp, stderr: false });
  const { written } = await tracing.reportSuccess();
  writeSync(1, JSON.stringify(written));`;

async function run(
  t: ExecutionContext,
  ...parts: string[]
): Promise<Ended & { path: string; logged: string }> {
  const path = poolOf(t);
  const preamble = `
    import { writeSync } from 'node:fs';
    const path = process.argv[1];
    const realImmediate = setImmediate;
    // Whoever never ends is a fault, not a test that never ends.
    const stuck = setTimeout(() => {
      writeSync(2, 'never ended');
      process.kill(process.pid, 'SIGKILL');
    }, 60_000);`;
  const source = [preamble, ...parts].join('\n');
  const child = spawn(process.execPath, onBuilt(source, path), { cwd: ROOT });
  t.teardown(() => child.kill('SIGKILL'));
  const end = await ended(child);
  return { ...end, path, logged: end.stderr.replace(/^.*(ExperimentalWarning|--trace-warnings).*\n/gm, '') };
}

const now = Date.now();

/** Whether a pool's records have the real time, as far as it is known. */
function haveRealTime(path: string): boolean {
  const { diagnostics } = readDiagnosticsSync(path);
  return diagnostics.every(({ time }) => time.getTime() >= now - 1000 && time.getTime() < now + 600_000);
}

for (const [what, fake] of Object.entries(FAKES)) {
  for (const [when, parts] of [
    ['after the package was loaded', [IMPORT, fake]],
    ['before it is loaded', [fake, IMPORT]],
  ] as const) {
    test.serial(`timers like ${what}, put in place ${when}, change nothing`, async (t) => {
      const { code, path, stdout, logged } = await run(t, ...parts, PROGRAM);
      t.is(code, 3, logged);
      const { exported, written, flushed, ended: end } = JSON.parse(stdout) as Record<string, unknown>;
      t.deepEqual([exported, written], [1, true], logged);
      t.deepEqual([flushed, end], Array(2).fill({ complete: true, dropped: 0, problems: [] }));
      const { diagnostics, reports } = readDiagnosticsSync(path);
      t.deepEqual(
        diagnostics.map(({ kind, message }) => message ?? kind),
        ['start', 'in it', 'finish', 'after it'],
      );
      t.is(reports.length, 1);
      t.true(haveRealTime(path));
      const year = String(new Date().getFullYear());
      t.deepEqual(
        logged.match(/^\d{4}/gm),
        [year, year, year, year],
        'lines on stderr have the real time as well',
      );
    });

    test.serial(`with timers like ${what}, put in place ${when}, an exit writes all and ends`, async (t) => {
      const { code, path, logged } = await run(t, ...parts, EXIT);
      t.is(code, 3, logged);
      const { diagnostics } = readDiagnosticsSync(path);
      t.deepEqual(
        diagnostics.map(({ message }) => message),
        ['last', 'in an exit listener'],
      );
      t.true(haveRealTime(path));
    });

    test.serial(
      `with timers like ${what}, put in place ${when}, a program ends that has waited`,
      async (t) => {
        const { code, signal, stdout, logged } = await run(t, ...parts, WAITS);
        t.deepEqual([code, signal, stdout], [0, null, 'false'], logged);
      },
    );
  }
}

for (const [what, nonsense] of Object.entries(NONSENSE)) {
  for (const [when, parts] of [
    ['after the package was loaded', [IMPORT, nonsense]],
    ['before it is loaded', [nonsense, IMPORT]],
  ] as const) {
    test.serial(`${what}, ${when}, harms neither records nor the exit`, async (t) => {
      const { code, path, logged } = await run(t, ...parts, EXIT);
      t.is(code, 3, logged);
      t.is(readDiagnosticsSync(path).diagnostics.length, 2);
      t.true(haveRealTime(path));
      t.is(logged.split('\n').length, 3, logged);
    });
  }
}

/** What programs may replace. */
const GLOBALS = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
  'queueMicrotask',
  'performance',
  'Date',
];

/** Where a file of the package uses a clock or timer that is not from `tracing/timers.ts`. */
function globalsIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const imported = new Set<string>();
  const found: string[] = [];
  const look = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const from = (node.moduleSpecifier as ts.StringLiteral).text;
      const names = node.importClause?.namedBindings;
      if (/\/(timers|performance)\.ts$/.test(from) && names !== undefined && ts.isNamedImports(names)) {
        for (const { name } of names.elements) imported.add(name.text);
      } else if (/^node:(timers|perf_hooks)/.test(from)) found.push(from);
      return;
    }
    // Types are not there when it runs.
    if (ts.isTypeNode(node)) return;
    if (ts.isIdentifier(node) && GLOBALS.includes(node.text) && !imported.has(node.text)) {
      const isMember = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
      if (!isMember || node.parent.getText() === `globalThis.${node.text}`) found.push(node.text);
    }
    if (
      ts.isPropertyAccessExpression(node) &&
      /^(process\.(hrtime|nextTick|uptime)|Date\.now)$/.test(node.getText())
    ) {
      found.push(node.getText());
    }
    ts.forEachChild(node, look);
  };
  look(source);
  return found;
}

test('the package uses the clocks and timers that it took when it was loaded, and no others', (t) => {
  const src = new URL('src/', ROOT).pathname;
  // The command line is a program of its own, and so is the page that it draws: nobody puts fakes into them.
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !/^(cli|report-page\/page)\//.test(name),
  );
  t.true(files.length > 50);
  for (const file of files) {
    const found = globalsIn(join(src, file));
    if (file === 'tracing/performance.ts') t.deepEqual([...new Set(found)], ['performance'], file);
    else if (file === 'tracing/timers.ts') t.true(found.length > 5, 'they are found where they are');
    else t.deepEqual(found, [], file);
  }
});
