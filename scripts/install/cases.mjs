// What is tried: each case installs, bundles, compiles or runs the package in an empty folder and says what came of it.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { bin, run, TOOLS } from './tools.mjs';

/** Programs that write a span by the package, read it back, and print the backend and the number of records. */
const MAIN = `const main = async () => {
  const { mkdtempSync } = require('node:fs');
  const path = mkdtempSync(require('node:os').tmpdir() + '/pool-') + '/pool';
  const tracing = await kvp.initializeTracing({ kvp: { path, vmId: 'vm' }, stderr: false });
  kvp.inSpan('work', () => kvp.info('done'));
  await tracing.shutdown();
  console.log(kvp.backend(), kvp.readDiagnosticsSync(path).diagnostics.length);
};
main();`;
const MODULE = `import { createRequire } from 'node:module';
import * as kvp from 'kvp-tracing';
const require = createRequire(import.meta.url);
${MAIN}`;
const PROGRAMS = {
  'program.mjs': MODULE,
  'program.cjs': `const kvp = require('kvp-tracing');\n${MAIN}`,
  'worker.cjs': `const { Worker } = require('node:worker_threads');\nnew Worker(require('node:path').join(__dirname, 'program.cjs'));`,
};
const FORMS = { ESM: 'program.mjs', CommonJS: 'program.cjs', worker: 'worker.cjs' };

/** What a run printed, in a word or two: the backend and what was read, or the one line about the fallback. */
function said({ stdout, stderr }) {
  const warning = stderr.split('\n').find((line) => line.includes('kvp-tracing:'));
  return [stdout.trim(), ...(warning === undefined ? [] : [warning.replace(/^kvp-tracing: /, '')])].join(
    '; ',
  );
}

const NATIVE = /^native 3$/;
const FALLBACK = /^js 3; the native core can't be loaded: [^\n]+$/;

export class Cases {
  constructor(folder, registry) {
    this.folder = folder;
    this.registry = registry;
    this.count = 0;
    this.rows = [];
  }

  /** An empty folder with a manifest and the programs. */
  project(manifest = {}) {
    const folder = join(this.folder, `project${this.count++}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'program', version: '1.0.0', private: true, ...manifest }),
    );
    for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(join(folder, name), text);
    return folder;
  }

  /** Does a thing that says something; keeps whether that is what was expected. */
  async try(group, name, expected, act) {
    let result;
    try {
      result = await act();
    } catch (error) {
      result = `failed: ${error.message}`;
    }
    const isGood = expected.test(result);
    this.rows.push({ group, name, result, isGood });
    console.error(`${isGood ? 'ok  ' : 'FAIL'} ${group}: ${name}: ${isGood ? result.slice(0, 160) : result}`);
  }

  environment() {
    return {
      npm_config_registry: this.registry,
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_cache: join(this.folder, 'cache'),
    };
  }

  async npmInstall(folder, ...args) {
    const { stderr } = await run('npm', ['install', '--loglevel=warn', 'kvp-tracing', ...args], {
      cwd: folder,
      env: this.environment(),
    });
    return stderr.trim();
  }
}

export async function managers(cases) {
  const env = cases.environment();
  const { registry } = cases;
  const settings = {
    YARN_NPM_REGISTRY_SERVER: registry,
    YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
    YARN_ENABLE_TELEMETRY: '0',
    YARN_ENABLE_GLOBAL_CACHE: '0',
    YARN_NPM_MINIMAL_AGE_GATE: '0',
    YARN_ENABLE_IMMUTABLE_INSTALLS: '0',
    CI: '',
    COREPACK_ENABLE_STRICT: '0',
  };
  const yarn = join(TOOLS, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js');
  const berry = (linker) => async (folder) => {
    writeFileSync(join(folder, 'yarn.lock'), '');
    await run(process.execPath, [yarn, 'add', 'kvp-tracing', '@opentelemetry/api@1.9'], {
      cwd: folder,
      env: { ...env, ...settings, YARN_NODE_LINKER: linker },
    });
  };
  const ways = {
    npm: (folder) => cases.npmInstall(folder),
    'npm 10': (folder) =>
      run(process.execPath, [join(bin('npm10'), 'bin/npm-cli.js'), 'install', 'kvp-tracing'], {
        cwd: folder,
        env,
      }),
    pnpm: (folder) =>
      run(
        process.execPath,
        [join(bin('pnpm'), 'bin/pnpm.cjs'), 'add', 'kvp-tracing', '--store-dir', join(cases.folder, 'pnpm')],
        { cwd: folder, env },
      ),
    'yarn 1': (folder) =>
      run(
        process.execPath,
        [
          join(bin('yarn'), 'bin/yarn.js'),
          'add',
          'kvp-tracing',
          '--registry',
          registry,
          '--cache-folder',
          join(cases.folder, 'yarn1'),
        ],
        { cwd: folder, env },
      ),
    'yarn 4, node_modules': berry('node-modules'),
    "yarn 4, Plug'n'Play": berry('pnp'),
    bun: (folder) =>
      run(join(bin('bun'), 'bin/bun.exe'), ['add', 'kvp-tracing', '--registry', registry], {
        cwd: folder,
        env: { ...env, BUN_INSTALL_CACHE_DIR: join(cases.folder, 'bun') },
      }),
  };
  for (const [name, install] of Object.entries(ways)) {
    const folder = cases.project();
    let failure;
    try {
      await install(folder);
    } catch (error) {
      failure = error;
    }
    for (const [form, file] of Object.entries(FORMS)) {
      await cases.try('package manager', `${name}, ${form}`, NATIVE, async () => {
        if (failure !== undefined) throw failure;
        const pnp = existsSync(join(folder, '.pnp.cjs'))
          ? [
              '--require',
              './.pnp.cjs',
              ...(existsSync(join(folder, '.pnp.loader.mjs')) ? ['--loader', './.pnp.loader.mjs'] : []),
            ]
          : [];
        return said(await run(process.execPath, ['--no-warnings', ...pnp, file], { cwd: folder }));
      });
    }
  }
}

/** What the binaries in the tarballs say of themselves: which glibc they need at least, and that they stay mapped. */
export async function binaries(cases) {
  for (const tarball of readdirSync('artifacts').filter((name) => name.includes('-linux-'))) {
    await cases.try('binary', tarball, /^nodelete, (?:glibc 2\.(?:1\d|2[0-8]|\d)|no glibc)$/, async () => {
      const folder = cases.project();
      await run('tar', ['xzf', resolve('artifacts', tarball), '-C', folder]);
      const name = readdirSync(join(folder, 'package')).find((file) => file.endsWith('.node'));
      const { stdout } = await run('readelf', ['--wide', '-d', '-V', join(folder, 'package', name)]);
      const minors = [...stdout.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
      const glibc = minors.length === 0 ? 'no glibc' : `glibc 2.${Math.max(...minors)}`;
      return `${/FLAGS_1.*NODELETE/.test(stdout) ? 'nodelete' : 'unmapped'}, ${glibc}`;
    });
  }
}

/** Other programs that run JavaScript, and another machine. */
export async function runtimes(cases) {
  const folder = cases.project();
  await cases.npmInstall(folder, '--force', '--cpu=x64');
  const runs = {
    bun: [join(bin('bun'), 'bin/bun.exe')],
    deno: [join(bin('deno'), 'bin.cjs'), 'run', '--no-code-cache', '-A'],
  };
  const without = [
    'run',
    '--no-code-cache',
    '--no-prompt',
    ...['read', 'write', 'env', 'sys', 'run'].map((name) => `--allow-${name}`),
  ];
  const start = (command, ...args) =>
    run(...(command.endsWith('.cjs') ? [process.execPath, [command, ...args]] : [command, args]), {
      cwd: folder,
    }).then(said);
  for (const [name, [command, ...args]] of Object.entries(runs)) {
    for (const [form, file] of Object.entries(FORMS)) {
      await cases.try('runtime', `${name}, ${form}`, NATIVE, () => start(command, ...args, file));
    }
  }
  await cases.try('runtime', 'deno without --allow-ffi', FALLBACK, () =>
    start(runs.deno[0], ...without, 'program.cjs'),
  );
  for (const [name, args] of [
    ['deno', runs.deno.slice(1)],
    ['deno without --allow-ffi', without],
  ]) {
    await cases.try('runtime', `${name}, an uncaught throw`, /^2$/, async () => {
      const pool = join(folder, `crash-${args.length}`);
      const text = `const kvp = require('kvp-tracing'); kvp.initializeTracing({ kvp: { path: ${JSON.stringify(pool)}, vmId: 'vm' }, stderr: false }).then(() => { kvp.info('before'); setTimeout(() => { throw new Error('boom'); }, 0); });`;
      writeFileSync(join(folder, 'crash.cjs'), text);
      await start(runs.deno[0], ...args, 'crash.cjs').catch(() => undefined);
      return String(readFileSync(pool).length / 2560);
    });
  }
  await cases.try(
    'runtime',
    'Node.js 22 for arm64 under qemu (apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross)',
    NATIVE,
    async () => {
      const own = cases.project();
      await cases.npmInstall(own, '--cpu=arm64', '--os=linux', '--libc=glibc');
      return said(
        await run(
          'qemu-aarch64',
          ['-L', '/usr/aarch64-linux-gnu', join(bin('arm64'), 'bin/node'), 'program.cjs'],
          { cwd: own },
        ),
      );
    },
  );
}

/** What a folder with the package is run as, and what is broken in it. */
export async function surroundings(cases) {
  const folder = cases.project();
  const warnings = await cases.npmInstall(folder);
  await cases.try('installing', 'npm prints no warning', /^$/, async () => warnings);
  const platform = join(folder, 'node_modules', `kvp-tracing-linux-${process.arch}-gnu`);
  const core = join(platform, `kvp-tracing.linux-${process.arch}-gnu.node`);
  const saved = join(cases.folder, 'core.node');
  cpSync(core, saved);
  const size = readFileSync(core).length;
  const program = (node = [], options = {}) =>
    run(process.execPath, [...node, 'program.cjs'], { cwd: folder, ...options }).then(said);
  const broken = {
    missing: () => rmSync(core),
    empty: () => writeFileSync(core, ''),
    garbage: () => writeFileSync(core, 'garbage'.repeat(10_000)),
    'cut short by a byte': () => truncateSync(core, size - 1),
    'cut in half': () => truncateSync(core, size / 2),
    'for another machine': () => {
      const bytes = readFileSync(saved);
      bytes[18] = 40;
      writeFileSync(core, bytes);
    },
    'of another version': () =>
      writeFileSync(join(platform, 'package.json'), JSON.stringify({ name: 'x', version: '0.0.9' })),
  };
  const manifest = readFileSync(join(platform, 'package.json'));
  for (const [name, damage] of Object.entries(broken)) {
    await cases.try('native core', name, FALLBACK, async () => {
      damage();
      const result = await program();
      cpSync(saved, core);
      writeFileSync(join(platform, 'package.json'), manifest);
      return result;
    });
  }
  await cases.try('native core', 'whole', NATIVE, () => program());
  const without = cases.project();
  await cases.npmInstall(without, '--omit=optional');
  await cases.try('native core', 'not installed (--omit=optional)', FALLBACK, () =>
    run(process.execPath, ['program.cjs'], { cwd: without }).then(said),
  );
  await processes(cases, folder, program);
}

async function processes(cases, folder, program) {
  const shell = (line, env = {}) =>
    run('sh', ['-c', line.replaceAll('NODE', `"${process.execPath}"`)], { cwd: folder, env }).then(said);
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const open = [permission, '--allow-fs-read=*', '--allow-fs-write=*', '--no-warnings'];
  await cases.try('process', '--no-addons', FALLBACK, () => program(['--no-addons']));
  await cases.try('process', '--permission', FALLBACK, () => program(open));
  await cases.try('process', '--permission --allow-addons', NATIVE, () =>
    program([...open, '--allow-addons']),
  );
  await cases.try('process', 'without HOME and any other variable', NATIVE, () =>
    run(process.execPath, ['program.cjs'], { cwd: folder, bare: true }).then(said),
  );
  await cases.try('process', 'read-only root', NATIVE, () =>
    shell(
      "unshare -m sh -c 'mount --bind / / && mount -o remount,ro,bind / && mount -t tmpfs none /tmp2 2>/dev/null; mount -t tmpfs none /run && TMPDIR=/run exec NODE program.cjs'",
    ),
  );
  await cases.try('process', 'without /proc', NATIVE, () =>
    shell("unshare -m sh -c 'umount -l /proc && exec NODE program.cjs'"),
  );
  await cases.try('process', 'as nobody', NATIVE, () =>
    shell('setpriv --reuid=65534 --regid=65534 --clear-groups NODE program.cjs'),
  );
}
