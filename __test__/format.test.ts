import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import ts from 'typescript';
import type { TimelineNode } from '../src/diagnostics/timeline/timeline-node.ts';
import { compiled } from './helpers/installed.ts';
import { poolOf } from './helpers/pool-folder.ts';
import { importTypeScript, ROOT } from './helpers/programs.ts';

/** The diff of a toy format in docs/design/adding-a-format.md. */
function documentedDiff(): string {
  const page = readFileSync(new URL('docs/design/adding-a-format.md', ROOT), 'utf8');
  return /```diff\n(.*?)```/s.exec(page)?.[1] ?? '';
}

/** A copy of `src`, in a folder that finds the project's modules, with nothing changed but by the diff. */
function withToyFormat(t: ExecutionContext): string {
  const artifacts = fileURLToPath(new URL('artifacts', ROOT));
  mkdirSync(artifacts, { recursive: true });
  const folder = mkdtempSync(join(artifacts, 'format-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(new URL('src', ROOT), join(folder, 'src'), { recursive: true });
  const cores = readdirSync(ROOT).filter((name) => name.endsWith('.node'));
  for (const name of ['binding.d.cts', 'package.json', ...cores]) {
    symlinkSync(new URL(name, ROOT), join(folder, name));
  }
  // Without the ceiling git would look for the files from the root of the repository.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: artifacts };
  execFileSync('git', ['apply', '-'], { cwd: folder, env, input: documentedDiff() });
  return folder;
}

test('the documented diff of a toy format is one file and one line', (t) => {
  const diff = documentedDiff();
  t.is(diff.match(/^\+\+\+ /gm)?.length, 2);
  t.is(diff.match(/^--- \/dev\/null$/gm)?.length, 1);
  const [table = ''] = diff.split('--- /dev/null');
  t.deepEqual(table.match(/^[+-](?!--|\+\+).*$/gm), ["+export { toy } from './toy.ts';"]);
});

test('with the documented diff alone a toy format is written, read and put into a timeline', async (t) => {
  const folder = withToyFormat(t);
  type Package = typeof import('../src/index.ts');
  const { EmitKVPLayer, openPool, readDiagnostics, Registry, target, timeline, withDefault } =
    (await importTypeScript(pathToFileURL(join(folder, 'src/index.ts')))) as Package;
  const path = poolOf(t);
  const options = {
    path,
    vmId: 'vm',
    agent: 'toy-agent/1.2',
    format: 'toy',
    spanEvents: ['new', 'exit', 'close'],
  };
  const registry = new Registry().with(
    // Here the type is that of the source without the toy.
    new EmitKVPLayer(options as ConstructorParameters<typeof EmitKVPLayer>[0]),
  );
  const long = 'é'.repeat(700);
  await withDefault(registry, async () => {
    const log = target('my_agent');
    await log.inSpan('outer', async () => {
      log.info('hello');
      await Promise.all([
        log.inSpan('inner', async () => log.info(long)),
        log.inSpan('inner', async () => {}),
      ]);
    });
    log.warn('outside');
  });
  t.deepEqual(await registry.shutdown(), { complete: true, dropped: 0, problems: [] });

  t.true([...openPool(path).recordsSync()].every(({ key }) => key.startsWith('TOY|toy-agent/1.2|vm|')));
  const { diagnostics, problems, unknown } = await readDiagnostics(path);
  t.deepEqual([problems, unknown], [[], []]);
  t.true(diagnostics.every(({ format }) => (format as string) === 'toy'));
  const { roots, events } = timeline(diagnostics);
  const shape = ({ name, state, children, events: own }: TimelineNode): unknown => ({
    name,
    state,
    events: own.map(({ message }) => message),
    children: children.map(shape),
  });
  const inner = { name: 'inner', state: 'finished', children: [] };
  t.deepEqual(roots.map(shape), [
    {
      name: 'outer',
      state: 'finished',
      events: ['hello', 'exit'],
      children: [
        { ...inner, events: [long, 'exit'] },
        { ...inner, events: ['exit'] },
      ],
    },
  ]);
  t.deepEqual(
    events.map(({ name, message }) => [name, message]),
    [['my_agent', 'outside']],
  );
  const wrong = { path, format: 'tox' } as unknown as typeof options;
  t.throws(() => new EmitKVPLayer(wrong as ConstructorParameters<typeof EmitKVPLayer>[0]), {
    message: `format must be 'diag', 'toy' or 'azure-init', not "tox"`,
  });
});

test('the types of formats follow from the table', (t) => {
  const folder = withToyFormat(t);
  writeFileSync(
    join(folder, 'agent.ts'),
    `import type { DiagnosticFormat, WritableFormat } from './src/diagnostics/formats/format-table.ts';
    import { EmitKVPLayer } from './src/layers/emit-kvp-layer.ts';
    export const written: WritableFormat[] = ['diag', 'azure-init', 'toy'];
    export const read: DiagnosticFormat[] = [...written, 'cloud-init'];
    export const layer = () => new EmitKVPLayer({ format: 'toy' });
    // @ts-expect-error cloud-init is only read
    export const other = () => new EmitKVPLayer({ format: 'cloud-init' });\n`,
  );
  const options = {
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    noEmit: true,
    typeRoots: [fileURLToPath(new URL('node_modules/@types', ROOT))],
    allowImportingTsExtensions: true,
    verbatimModuleSyntax: true,
  };
  t.deepEqual(compiled(folder, ['agent.ts'], options), []);
});
