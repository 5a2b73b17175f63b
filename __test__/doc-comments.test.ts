import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import ts from 'typescript';
import { compiled } from './helpers/installed.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ROOT } from './helpers/programs.ts';

/** The entries of the package, and their sources. */
const ENTRIES = {
  'kvp-tracing': 'src/index.ts',
  'kvp-tracing/opentelemetry': 'src/opentelemetry/index.ts',
  'kvp-tracing/pino': 'src/pino/index.ts',
  'kvp-tracing/report-page': 'src/report-page/index.ts',
};

interface PublicValue {
  entry: string;
  name: string;
  comment: string;
}

/** The functions, classes and constants that an entry exports, with their comments. */
function valuesOf(entry: string, index: string): PublicValue[] {
  const source = readFileSync(new URL(index, ROOT), 'utf8');
  return [...source.matchAll(/^export \{([^}]+)\} from '([^']+)'/gm)].flatMap(([, names = '', from = '']) => {
    const text = readFileSync(new URL(from, new URL(index, ROOT)), 'utf8');
    return names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((given) => {
        const [inner = '', name = inner] = given.split(' as ');
        return { entry, name, comment: commentOf(text, inner) };
      });
  });
}

/** The comment in front of a declaration. */
function commentOf(text: string, name: string): string {
  const declared = new RegExp(
    `^export (?:async )?(?:abstract )?(?:function|class|const) ${name}\\b`,
    'm',
  ).exec(text);
  const before = text.slice(0, declared?.index ?? 0).trimEnd();
  return before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : '';
}

const VALUES = Object.entries(ENTRIES).flatMap(([entry, index]) => valuesOf(entry, index));
/** An error's class has one line for its code; the page of errors has the rest. */
const isOfOneCode = (name: string): boolean =>
  name.endsWith('Error') && !/^(?:Kvp|Provisioning)Error$/.test(name);

test('each public function, class and constant has a comment, and all but the classes of errors an example', (t) => {
  t.true(VALUES.length > 60);
  const lacking = VALUES.filter(
    ({ name, comment }) => comment === '' || (!isOfOneCode(name) && !comment.includes('@example')),
  );
  t.deepEqual(
    lacking.map(({ name }) => name),
    [],
  );
});

test('TypeScript accepts each example with the types of the package', (t) => {
  const folder = folderOf(t);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/kvp-tracing'));
  for (const name of ['@types', '@opentelemetry', 'pino'])
    symlinkSync(new URL(`node_modules/${name}`, ROOT), join(folder, 'node_modules', name));
  const ours = Object.keys(ENTRIES).map((entry) => {
    const names = VALUES.filter((value) => value.entry === entry).map(({ name }) => name);
    return `import { ${names.join(', ')} } from '${entry}';`;
  });
  const others = `import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { pino } from 'pino';
import type { Event } from 'kvp-tracing';
declare function mount(): void;`;
  const files = VALUES.flatMap(({ comment }, index) => {
    const code = /```ts\n(.*?)```/s.exec(comment)?.[1]?.replaceAll(/^ \* ?/gm, '');
    if (code === undefined) return [];
    // In a block of its own, where it may declare what is imported.
    writeFileSync(join(folder, `example-${index}.mts`), `${ours.join('\n')}\n${others}\n{\n${code}}\n`);
    return `example-${index}.mts`;
  });
  t.true(files.length > 50);
  const options = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ESNext,
    lib: ['lib.esnext.d.ts', 'lib.dom.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  t.deepEqual(
    compiled(folder, files, options).map((text) => text.replace(`${folder}/`, '')),
    [],
  );
});
