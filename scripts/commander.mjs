import { writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { packageNotices } from './package-notices.mjs';

/** What stands for commander in the build of the package, as the name of a module. */
export const COMMANDER = '\0commander';

/** Commander as one module; its licence goes beside what it becomes a part of. */
export async function commander() {
  const { outputFiles, metafile } = await build({
    stdin: { contents: "export * from 'commander';", resolveDir: '.' },
    plugins: [WITHOUT_CHILD_PROCESSES],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    metafile: true,
    write: false,
  });
  writeFileSync('dist/cli/NOTICES.txt', packageNotices('The command line has', Object.keys(metafile.inputs)));
  return outputFiles[0].text;
}

/** Commander requires it for commands that are programs of their own, of which there are none; loading it takes long. */
const WITHOUT_CHILD_PROCESSES = {
  name: 'without child processes',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, () => ({ path: 'none', namespace: 'none' }));
    onLoad({ filter: /^/, namespace: 'none' }, () => ({ contents: '' }));
  },
};
