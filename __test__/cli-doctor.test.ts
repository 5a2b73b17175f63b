import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { bytesOf, good, keyOf, payload, SAMPLE } from './helpers/diag-records.ts';
import { checkOf, environment, poolIn, PROGRAM } from './helpers/doctor.ts';
import { daemonMissing, HypervHost } from './helpers/hyperv-host.ts';
import { type Ended, kvpOnTerminal, scriptMissing } from './helpers/kvp.ts';
import { flockMissing, holdLock, pythonMissing } from './helpers/lock-holder.ts';
import { namespacesMissing } from './helpers/namespaces.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ended } from './helpers/programs.ts';
import { straceMissing } from './helpers/strace.ts';

/** Runs a shell's script in a mount namespace of its own, with `kvp doctor` behind it. */
async function inNamespace(script: string, folder: string, args: string[] = []): Promise<Ended> {
  const call = [process.execPath, PROGRAM, 'doctor', '--dir', folder, ...args];
  const child = spawn('unshare', ['--mount', 'sh', '-ec', `${script}\nexec "$@"`, folder, ...call], {
    env: environment(),
  });
  const { code, stdout, stderr } = await ended(child);
  return { status: code, stdout, stderr };
}

/** What makes `/sys` and `/dev` those of a guest of Hyper-V, as far as it shows. */
const GUEST = `
mount -t tmpfs none /sys
mkdir -p /sys/bus/vmbus /sys/class/dmi/id
echo 'Microsoft Corporation' > /sys/class/dmi/id/sys_vendor
mkdir "$0/dev"
mount -t tmpfs none "$0/dev"
cp -a /dev/null /dev/zero /dev/urandom "$0/dev"
mkdir "$0/dev/vmbus"
mknod "$0/dev/vmbus/hv_kvp" c 10 60
mount --move "$0/dev" /dev`;

test('on a guest of Hyper-V with all that is needed nothing is wrong', async (t) => {
  if (!has(t, namespacesMissing) || !has(t, daemonMissing)) return;
  const { folder, pool } = poolIn(t);
  const host = await HypervHost.start(folder);
  t.teardown(() => host.stop());
  const { status, stdout, stderr } = await inNamespace(GUEST, folder);
  const plain = stdout
    .replace(/pid \d+/g, 'pid 1')
    .replaceAll(pool, 'POOL')
    .replace(/says \S+/, 'says TIME');
  const isNative = process.env['KVP_TRACING_BACKEND'] !== 'js';
  t.is(
    plain,
    `✔ ok      hyper-v   this is a guest of Hyper-V (/sys/bus/vmbus is there, the vendor is Microsoft Corporation)
✔ ok      device    /dev/vmbus/hv_kvp is there
✔ ok      daemon    hv_kvp_daemon runs (pid 1)
✔ ok      pool      POOL is there
✔ ok      mode      only root may change it (mode 0644, owner 0)
✔ ok      writable  it can be read and written
✔ ok      disk      the disk has room
✔ ok      locks     no process holds a lock
✔ ok      defects   none in 1 record
✔ ok      stale     it was changed since this boot
✔ ok      budget    1 of 1,024 records
✔ ok      clock     it says TIME
✔ ok      backend   ${isNative ? 'the native core is loaded' : 'the writer in JavaScript, as KVP_TRACING_BACKEND demands'}
✔ ok      flock     the program flock is there
- skipped collector OTEL_EXPORTER_OTLP_ENDPOINT is not set
`,
  );
  t.deepEqual([status, stderr], [0, '']);
});

test('a guest without device and daemon is told how to get them', async (t) => {
  if (!has(t, namespacesMissing)) return;
  const { folder } = poolIn(t);
  const script = `${GUEST}\nrm /dev/vmbus/hv_kvp\nmount -t proc none /proc`;
  const call = [
    '--pid',
    '--fork',
    '--mount',
    'sh',
    '-ec',
    `${script}\nexec "$@"`,
    folder,
    process.execPath,
    PROGRAM,
  ];
  const child = spawn('unshare', [...call, 'doctor', '-q', '--dir', folder], { env: environment() });
  const { code, stdout } = await ended(child);
  t.is(code, 1);
  t.is(
    stdout,
    `✘ error   device    /dev/vmbus/hv_kvp is not there: the daemon can't reach the host. To do: modprobe hv_utils; if it stays away, enable "Data Exchange" among the integration services of the VM on the host
✘ error   daemon    no hv_kvp_daemon or hypervkvpd runs (none that can be seen here): nobody hands the pool to the host. To do: systemctl enable --now hv-kvp-daemon (hypervkvpd on Red Hat); to install it: apt-get install hyperv-daemons, on Ubuntu linux-cloud-tools-virtual, on Red Hat dnf install hyperv-daemons
`,
  );
});

test('a machine that is no guest, and one whose kernel does not know that it is', async (t) => {
  if (!has(t, namespacesMissing)) return;
  const { folder } = poolIn(t);
  const vendor = (name: string): string =>
    `mount -t tmpfs none /sys\nmkdir -p /sys/class/dmi/id\nprintf '${name}' > /sys/class/dmi/id/sys_vendor`;
  const qemu = await inNamespace(vendor('QEMU'), folder, ['-q']);
  t.is(qemu.status, 1);
  t.true(
    qemu.stdout.startsWith(
      '✘ error   hyper-v   this is no guest of Hyper-V (no /sys/bus/vmbus, the vendor is QEMU): ',
    ),
  );
  const { stdout } = await inNamespace(vendor('Microsoft Corporation'), folder, ['-q']);
  t.true(stdout.includes('the kernel has no /sys/bus/vmbus. To do: modprobe -a hv_vmbus hv_utils\n'), stdout);
});

test('a pool that is not there, and one that is something else', async (t) => {
  const folder = folderOf(t);
  t.like(await checkOf('pool', join(folder, 'none')), {
    status: 'error',
    message: `the folder ${join(folder, 'none')} is not there: nobody can write`,
  });
  t.like(await checkOf('pool', folder), {
    status: 'error',
    fix: 'start the daemon, which makes it (systemctl start hv-kvp-daemon)',
  });
  t.like(await checkOf('writable', folder), { status: 'ok' });
  symlinkSync('/etc/passwd', join(folder, '.kvp_pool_1'));
  const { status, message } = await checkOf('pool', folder);
  t.deepEqual(
    [status, message],
    ['error', `${join(folder, '.kvp_pool_1')} is a symbolic link: nobody writes to it`],
  );
  const text = poolIn(t, Buffer.from('no pool\n'.repeat(1000)));
  t.regex((await checkOf('defects', text.folder)).message, /is no pool/);
});

test('a pool that others may change or replace', async (t) => {
  const { folder, pool } = poolIn(t);
  chmodSync(pool, 0o666);
  t.deepEqual(await checkOf('mode', folder), {
    name: 'mode',
    status: 'error',
    message: 'others may change the pool (mode 0666, owner 0)',
    fix: `chmod go-w ${pool}`,
  });
  chmodSync(pool, 0o600);
  chmodSync(folder, 0o777);
  t.like(await checkOf('mode', folder), { status: 'error', fix: `chmod go-w ${folder}` });
  chmodSync(folder, 0o755);
  chownSync(pool, 1234, 0);
  t.like(await checkOf('mode', folder), {
    status: 'warning',
    message: "the pool is not root's (mode 0600, owner 1234)",
  });
});

test('a user who may not read the pool', async (t) => {
  const { folder, pool } = poolIn(t);
  chmodSync(folder, 0o755);
  chmodSync(pool, 0o600);
  const options = { uid: 65534, gid: 65534, cwd: '/' };
  const fix = `run it as root: sudo kvp doctor --dir ${folder} --pool guest`;
  t.like(await checkOf('writable', folder, options), {
    status: 'error',
    fix,
  });
  t.like(await checkOf('defects', folder, options), { status: 'error', fix });
  t.like(await checkOf('stale', folder, options), { status: 'skipped' });
  chmodSync(folder, 0o700);
  t.like(await checkOf('pool', folder, options), { status: 'error', fix });
});

test('commands that are advised are for a shell, whatever the path', async (t) => {
  const { folder: outer } = poolIn(t);
  const folder = join(outer, "odd folder's");
  const pool = join(folder, '.kvp_pool_1');
  const quoted = pool.replace("'", "'\\''");
  mkdirSync(pool, { recursive: true });
  const start = 'then start the daemon, which makes it (systemctl start hv-kvp-daemon)';
  t.is((await checkOf('pool', folder)).fix, `move it away: mv '${quoted}' '${quoted}.old', ${start}`);
  rmSync(pool, { recursive: true });
  symlinkSync('/etc/passwd', pool);
  t.is((await checkOf('pool', folder)).fix, `rm '${quoted}', ${start}`);
  rmSync(pool);
  writeFileSync(pool, 'no pool\n'.repeat(1000));
  chmodSync(pool, 0o666);
  t.is((await checkOf('mode', folder)).fix, `chmod go-w '${quoted}'`);
  t.is((await checkOf('defects', folder)).fix, `move it away: mv '${quoted}' '${quoted}.old'`);
  chownSync(pool, 1234, 0);
  chmodSync(pool, 0o600);
  t.is((await checkOf('mode', folder)).fix, `chown root: '${quoted}'`);
});

test('a pool that the disk does not give, or that is too large, is not moved away', async (t) => {
  const { folder, pool } = poolIn(t);
  truncateSync(pool, 2 ** 28 + 2560);
  t.is(
    (await checkOf('defects', folder)).fix,
    `kvp clear --dir ${folder} --pool guest, if its records are not needed`,
  );
  if (!has(t, straceMissing)) return;
  truncateSync(pool, 2560);
  const fault = ['-f', '-qq', '-o', '/dev/null', '-P', pool, '-e', 'inject=read,pread64:error=EIO'];
  const child = spawn('strace', [...fault, process.execPath, PROGRAM, 'doctor', '--json', '--dir', folder], {
    env: environment(),
  });
  const { checks } = JSON.parse((await ended(child)).stdout) as { checks: { name: string; fix?: string }[] };
  t.like(
    checks.find(({ name }) => name === 'defects'),
    { status: 'error', fix: 'dmesg says whether the disk has failed' },
  );
});

test('a read-only file system and a full disk', async (t) => {
  if (!has(t, namespacesMissing)) return;
  const { folder } = poolIn(t);
  const readOnly = await inNamespace('mount --bind "$0" "$0"\nmount -o remount,bind,ro "$0"', folder, ['-q']);
  t.true(
    readOnly.stdout.includes(
      '✘ error   writable  its file system is read-only (EROFS). To do: mount -o remount,rw',
    ),
  );
  const full = (free: number): string => `cp "$0/.kvp_pool_1" /tmp/kvp-doctor-$$
mount -t tmpfs -o size=64k none "$0"
mv /tmp/kvp-doctor-$$ "$0/.kvp_pool_1"
dd if=/dev/zero of="$0/filler" bs=4096 count=${free} 2>/dev/null || true`;
  t.regex(
    (await inNamespace(full(100), folder, ['-q'])).stdout,
    /✘ error   disk      the disk is full: nothing more can be written/,
  );
  t.regex(
    (await inNamespace(full(10), folder, ['-q'])).stdout,
    /! warning disk      the disk has room for \d+ records? only/,
  );
});

test('a process that keeps the pool locked is named, whatever the lock', async (t) => {
  if (!has(t, flockMissing) || !has(t, pythonMissing)) return;
  const { folder, pool } = poolIn(t);
  t.deepEqual(await checkOf('locks', folder), {
    name: 'locks',
    status: 'ok',
    message: 'no process holds a lock',
  });
  const cases = [
    ['flock', /^held for over 1 s: flock lock \(write\) by (\w+ \(pid \d+\), )*sh \(pid \d+\)/],
    ['shared flock', /^held for over 1 s: flock lock \(read\) by /],
    ['fcntl', /^held for over 1 s: POSIX lock \(write\) by python3?[\d.]* \(pid \d+\)$/],
  ] as const;
  for (const [kind, message] of cases) {
    const release = await holdLock(t, kind, pool);
    const check = await checkOf('locks', folder);
    t.is(check.status, 'error');
    t.regex(check.message, message);
    await release();
  }
  const ofd = `
import fcntl, struct, sys
file = open(sys.argv[1], "r+b")
fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
print("held", flush=True)
sys.stdin.read()`;
  const holder = spawn('python3', ['-c', ofd, pool]);
  t.teardown(() => holder.kill());
  await once(holder.stdout, 'data');
  t.regex(
    (await checkOf('locks', folder)).message,
    /^held for over 1 s: OFD lock \(write\) by python3?[\d.]* \(pid \d+\)$/,
  );
});

test('a lock whose taker is gone is that of the process that has the file', async (t) => {
  if (!has(t, flockMissing)) return;
  const { folder, pool } = poolIn(t);
  const holder = spawn('sh', ['-c', 'exec 3<>"$0"; flock -x 3; echo held; read line', pool], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => holder.kill());
  await once(holder.stdout, 'data');
  const { message } = await checkOf('locks', folder);
  t.is(message, `held for over 1 s: flock lock (write) by sh (pid ${holder.pid})`);
});

test('a lock that is released soon is no error', async (t) => {
  if (!has(t, flockMissing)) return;
  const { folder, pool } = poolIn(t);
  const line = 'while :; do flock -x "$0" sleep 0.05; sleep 0.02; done';
  const holder = spawn('sh', ['-c', line, pool], { stdio: 'ignore' });
  t.teardown(() => holder.kill());
  t.like(await checkOf('locks', folder), { status: 'ok' });
});

test('defects are counted, and it is said where the host stops', async (t) => {
  const invalid: [string, Buffer] = [keyOf({ id: 'bad' }), Buffer.from('caf\xe9', 'latin1')];
  const { folder } = poolIn(t, bytesOf(good, good, invalid, good));
  t.deepEqual(await checkOf('defects', folder), {
    name: 'defects',
    status: 'error',
    message: 'in record 2 (its value): invalid_utf8; there the host stops, after 2 of 4 records',
    fix: `kvp repair --dir ${folder} --pool guest`,
  });
  const torn = poolIn(t, Buffer.concat([bytesOf(good, ['', 'x'], good), Buffer.from('torn')]));
  t.like(await checkOf('defects', torn.folder), {
    message: '2 defects, the first in record 1 (its key): empty_key',
  });
});

test('a pool of an earlier boot, and a part of one', async (t) => {
  const { folder, pool } = poolIn(t);
  utimesSync(pool, 1_000_000_000, 1_000_000_000);
  t.like(await checkOf('stale', folder), {
    status: 'warning',
    message: 'it was last changed before this boot: all that it says is old',
  });
  const cloudInit = (boot: number, id: number): [string, string] => [
    `CLOUD_INIT|${boot}|start|stage|00000000-0000-4000-8000-00000000000${id}`,
    JSON.stringify({ name: 'stage', type: 'start', ts: new Date(boot * 1000 + 5000).toISOString(), msg: '' }),
  ];
  const two = poolIn(t, bytesOf(cloudInit(1_600_000_000, 1), cloudInit(1_700_000_000, 2)));
  t.like(await checkOf('stale', two.folder), {
    status: 'warning',
    message: 'it was changed since this boot, but a part of it is of an earlier boot',
  });
});

test('a pool that is full, nearly full, or lacks what was dropped', async (t) => {
  const many = (count: number): Buffer =>
    bytesOf(...Array.from({ length: count }, (_, i) => [keyOf({ id: `${i}` }), payload('x')] as const));
  const full = await checkOf('budget', poolIn(t, many(1024)).folder);
  t.deepEqual(
    [full.status, full.message],
    ['error', 'it is full (1,024 of 1,024 records): writers drop what comes'],
  );
  const nearly = await checkOf('budget', poolIn(t, many(930)).folder);
  t.deepEqual([nearly.status, nearly.message], ['warning', 'it is nearly full (930 of 1,024 records)']);
  const { folder, pool } = poolIn(t, Buffer.alloc(0));
  const registry = new Registry().with(
    new EmitKVPLayer({ path: pool, vmId: 'vm', agent: 'small/1', filter: 'info', maxRecords: 20 }),
  );
  withDefault(registry, () => {
    for (let i = 0; i < 100; i++) target('app').info('one of many');
  });
  await registry.shutdown();
  const dropped = await checkOf('budget', folder);
  t.is(dropped.status, 'warning');
  t.regex(dropped.message, /^\d+ of 1,024 records, but small\/1 says: .*dropped/);
});

test('a clock that is behind what was written', async (t) => {
  const { folder, pool } = poolIn(t);
  const future = Date.now() / 1000 + 86_400;
  utimesSync(pool, future, future);
  const { status, message } = await checkOf('clock', folder);
  t.is(status, 'error');
  t.regex(message, /^it says \S+Z, but the pool was changed at \S+Z: it was set back$/);
  const time = new Date(Date.now() + 3_600_000).toISOString();
  t.regex(
    (await checkOf('clock', poolIn(t, bytesOf([keyOf({ time }), payload('x')])).folder)).message,
    /the pool has what happened at/,
  );
});

test('a terminal gets lines of its width', (t) => {
  if (!has(t, scriptMissing)) return;
  const { folder } = poolIn(t);
  process.env['LANG'] = 'C.UTF-8';
  const shown = kvpOnTerminal(60, ['doctor', '--no-color', '--dir', folder]);
  for (const line of shown.split('\n')) t.true(line.length <= 60 || !line.trim().includes(' ', 20), line);
  t.regex(shown, /^✘ error {3}hyper-v {3}this/m);
});

test('the sample of azure-init has nothing wrong', async (t) => {
  const { folder, pool } = poolIn(t);
  copyFileSync(SAMPLE, pool);
  t.like(await checkOf('defects', folder), { status: 'ok', message: 'none in 15 records' });
});
