// Builds the site of the pages in docs/.vitepress/dist. With `--serve` it shows it, and what changes, while it is edited.
import { run } from './tools.mjs';

run('typedoc', []);
run('vitepress', [process.argv.includes('--serve') ? 'dev' : 'build', 'docs']);
