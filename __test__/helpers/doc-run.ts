import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { type Block } from './doc-page.ts';
import { freePort } from './free-port.ts';
import { folderOf } from './pool-folder.ts';
import { ROOT } from './programs.ts';

/** Programs that the pages call, beside those of any system. */
const PROGRAMS: Readonly<Record<string, string>> = {
  npm: `exec node '${fileURLToPath(new URL('__test__/fixtures/docs/npm.cjs', ROOT))}' "$@"`,
  npx: 'shift\nexec node node_modules/kvp-tracing/dist/cli/main.cjs "$@"',
  // Installed globally, as on a VM.
  kvp: 'exec node "$DOCS_PACKED/kvp-tracing/dist/cli/main.cjs" "$@"',
  sudo: 'exec "$@"',
};

let packed: string | undefined;

/** A folder with the files that the package publishes, and this machine's platform package; made once. */
function packedPackage(): string {
  if (packed !== undefined) return packed;
  const home = mkdtempSync(join(tmpdir(), 'kvp-docs-'));
  process.once('exit', () => rmSync(home, { recursive: true, force: true }));
  const folder = join(home, 'node_modules');
  const main = join(folder, 'kvp-tracing');
  const listed = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--silent'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const [{ files }] = JSON.parse(listed.stdout) as [{ files: { path: string }[] }];
  for (const { path } of files) cpSync(new URL(path, ROOT), join(main, path));
  const binary = readdirSync(ROOT).find((name) => /^kvp-tracing\.linux-.*\.node$/.test(name));
  if (binary !== undefined) {
    const platform = binary.split('.')[1] ?? '';
    const to = join(folder, `kvp-tracing-${platform}`);
    cpSync(new URL(`npm/${platform}/package.json`, ROOT), join(to, 'package.json'));
    cpSync(new URL(binary, ROOT), join(to, binary));
  }
  return (packed = folder);
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it runs any more.
  }
}

/** A reader's folder and shell, in which the blocks of one page are tried one after the other. */
export class Reader {
  readonly folder: string;
  readonly #bin: string;
  readonly #port: number;
  #cwd: string;
  #env: NodeJS.ProcessEnv;
  /** The process groups of the commands, in which some may still run. */
  readonly #groups: number[] = [];

  static async on(t: ExecutionContext, env: NodeJS.ProcessEnv = {}): Promise<Reader> {
    return new Reader(t, await freePort(), env);
  }

  private constructor(t: ExecutionContext, port: number, env: NodeJS.ProcessEnv) {
    const home = folderOf(t);
    this.folder = this.#cwd = join(home, 'home');
    this.#bin = join(home, 'bin');
    this.#port = port;
    mkdirSync(this.folder);
    t.teardown(() => this.#groups.forEach(endGroup));
    mkdirSync(this.#bin);
    for (const [name, script] of Object.entries(PROGRAMS)) {
      const path = join(this.#bin, name);
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
    }
    this.#env = {
      HOME: this.folder,
      PATH: `${this.#bin}:${dirname(process.execPath)}:${process.env['PATH']}`,
      LANG: 'C.UTF-8',
      KVP_TRACING_BACKEND: process.env['KVP_TRACING_BACKEND'],
      DOCS_PACKED: packedPackage(),
      DOCS_MODULES: fileURLToPath(new URL('node_modules', ROOT)),
      PORT: `${port}`,
      ...env,
    };
  }

  /** Writes a file of the page, and says whether it is new. */
  write(name: string, code: string): void {
    const path = join(this.#cwd, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
  }

  /** Runs a block: commands, or a program that has no name. Returns all that was printed. */
  async run(block: Block): Promise<{ output: string; status: number | null }> {
    if (block.language === 'sh') return this.shell(block.code);
    const file = `block-${block.line}.mjs`;
    this.write(file, block.hidden + block.code);
    // A page of a guide says itself what to install; others show what a program may say.
    const installs = existsSync(join(this.#cwd, 'node_modules')) ? '' : 'npm install kvp-tracing\n';
    return this.shell(`${installs}node ${file}`);
  }

  /** The commands on a port that is free, which wait for a server for as long as it takes on a busy machine. */
  #here(commands: string): string {
    const port = this.#port;
    const listens = `until (exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null; do sleep 0.1; done`;
    return commands.replaceAll('localhost:3000', `localhost:${port}`).replace(/(?<=&\n)sleep 1$/m, listens);
  }

  /** Runs commands in the folder that those before them went to. */
  async shell(commands: string): Promise<{ output: string; status: number | null }> {
    const cwdFile = join(this.#bin, 'cwd');
    const envFile = join(this.#bin, 'exports');
    const before = existsSync(envFile) ? `. '${envFile}'\n` : '';
    const script = `${before}exec 2>&1\n${this.#here(commands)}\npwd > '${cwdFile}'\nexport -p > '${envFile}'`;
    const child = spawn('bash', ['-ec', script], {
      cwd: this.#cwd,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const { pid } = child;
    if (pid !== undefined) this.#groups.push(pid);
    const [output, [status]] = await Promise.all([
      text(child.stdout),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    if (existsSync(cwdFile)) this.#cwd = readFileSync(cwdFile, 'utf8').trim();
    const told = output
      .replaceAll(`localhost:${this.#port}`, 'localhost:3000')
      .replaceAll(`server.port=${this.#port}`, 'server.port=3000')
      .replaceAll(this.folder, '/home/you');
    return { output: told, status };
  }
}
