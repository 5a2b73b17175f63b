import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import ts from 'typescript';
import { folderOf } from './pool-folder.ts';
import { ROOT } from './programs.ts';

/** A temporary folder with a copy of a folder of fixtures, in which the built package is installed. */
export function installedIn(t: ExecutionContext, fixtures: string): string {
  const folder = folderOf(t);
  cpSync(new URL(`__test__/fixtures/${fixtures}`, ROOT), folder, { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/kvp-tracing'));
  for (const name of ['@types', 'expect-type']) {
    symlinkSync(new URL(`node_modules/${name}`, ROOT), join(folder, 'node_modules', name));
  }
  return folder;
}

/** Compiles files of a folder by TypeScript, strictly; returns its complaints. */
export function compiled(
  folder: string,
  files: readonly string[],
  options: ts.CompilerOptions,
): readonly string[] {
  const program = ts.createProgram(
    files.map((file) => join(folder, file)),
    {
      target: ts.ScriptTarget.ES2022,
      types: ['node'],
      typeRoots: [join(folder, 'node_modules/@types')],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: true,
      noEmitOnError: true,
      ...options,
    },
  );
  program.emit();
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
    return `${file?.fileName}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}
