import { existsSync, readFileSync, statSync } from 'node:fs';
import { type Check, checkOf } from './check.ts';
import { processes } from './processes.ts';

const VMBUS = '/sys/bus/vmbus';
const VENDOR = '/sys/class/dmi/id/sys_vendor';
const DEVICE = '/dev/vmbus/hv_kvp';
/** Names of the daemon: of Linux's own sources, and of Red Hat's package. */
const DAEMONS = ['hv_kvp_daemon', 'hypervkvpd'];

/** Whether this is a guest of Hyper-V, and whether its host can read the pools. */
export function hostChecks(): Check[] {
  const { ok, error, skipped } = checkOf('hyper-v');
  if (process.platform !== 'linux') {
    return [skipped(`only Linux tells whether it is a guest of Hyper-V, and this is ${process.platform}`)];
  }
  const isGuest = existsSync(VMBUS);
  const vendor = vendorOf();
  let guest: Check;
  if (isGuest) guest = ok(`this is a guest of Hyper-V (${VMBUS} is there, the vendor is ${vendor})`);
  else if (vendor.startsWith('Microsoft')) {
    guest = error(`the vendor is ${vendor}, but the kernel has no ${VMBUS}`, 'modprobe -a hv_vmbus hv_utils');
  } else {
    guest = error(
      `this is no guest of Hyper-V (no ${VMBUS}, the vendor is ${vendor}): no host reads the pool`,
      'run it on the VM; here a pool is only a file',
    );
  }
  return [guest, deviceCheck(isGuest), daemonCheck(isGuest)];
}

function vendorOf(): string {
  try {
    return JSON.stringify(readFileSync(VENDOR, 'utf8').trim()).slice(1, -1) || 'unknown';
  } catch {
    return 'unknown';
  }
}

function deviceCheck(isGuest: boolean): Check {
  const { ok, error, skipped } = checkOf('device');
  if (isCharacterDevice(DEVICE)) return ok(`${DEVICE} is there`);
  if (!isGuest) return skipped(`${DEVICE} is only on a guest of Hyper-V`);
  return error(
    `${DEVICE} is not there: the daemon can't reach the host`,
    'modprobe hv_utils; if it stays away, enable "Data Exchange" among the integration services of the VM on the host',
  );
}

function isCharacterDevice(path: string): boolean {
  try {
    return statSync(path).isCharacterDevice();
  } catch {
    return false;
  }
}

function daemonCheck(isGuest: boolean): Check {
  const { ok, error, skipped } = checkOf('daemon');
  const found = processes().filter(({ name }) => DAEMONS.includes(name));
  if (found.length > 0) return ok(`${found.map(({ name, pid }) => `${name} runs (pid ${pid})`).join(', ')}`);
  if (!isGuest) return skipped(`${DAEMONS[0]} is needed only on a guest of Hyper-V`);
  return error(
    `no ${DAEMONS.join(' or ')} runs (none that can be seen here): nobody hands the pool to the host`,
    'systemctl enable --now hv-kvp-daemon (hypervkvpd on Red Hat); to install it: apt-get install hyperv-daemons, on Ubuntu linux-cloud-tools-virtual, on Red Hat dnf install hyperv-daemons',
  );
}
