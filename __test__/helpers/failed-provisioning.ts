import { formatReport } from '../../src/diagnostics/report/report.ts';
import { bytesOf, VM } from './diag-records.ts';

type Line = [key: string, value: string];

/** When the kernel started. */
const KERNEL_START = Date.parse('2026-08-31T12:00:00.250Z');

/** A time, so many seconds after the kernel started. */
function at(seconds: number): string {
  return new Date(KERNEL_START + Math.round(seconds * 1000)).toISOString();
}

let ids = 0;
function id(): string {
  return `${(++ids).toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
}

/** What cloud-init writes of a span: its start and its finish. */
function stage(name: string, message: string, from: number, to: number, result = 'SUCCESS'): [Line, Line] {
  const line = (type: string, more: object, time: number): Line => {
    const ts = at(time).replace('Z', '000+00:00');
    return [
      `CLOUD_INIT|${Math.floor(KERNEL_START / 1000)}|${type}|${name}|${VM}|${id()}`,
      JSON.stringify({ name, type, ts, ...more, msg: message }),
    ];
  };
  return [line('start', {}, from), line('finish', { result, duration: Number((to - from).toFixed(3)) }, to)];
}

function cloudInitEvent(type: string, name: string, message: string, time: number): Line {
  const ts = at(time).replace('Z', '000+00:00');
  return [
    `CLOUD_INIT|${Math.floor(KERNEL_START / 1000)}|${type}|${name}|${VM}|${id()}`,
    JSON.stringify({ name, type, ts, msg: message }),
  ];
}

/** What azure-init 0.1 writes at the end of a span, and of an event. */
function azureInit(level: string, name: string, value: string): Line {
  return [`azure-init-0.1.1|${VM}|${level}|${name}|${id()}`, value];
}

/** What this package writes. */
function ours(
  kind: 'start' | 'finish' | 'event',
  name: string,
  event: string,
  time: number,
  payload: object,
  end = '|',
): Line {
  return [
    `DIAG|contoso-agent/2.3.0|${VM}|${kind}|${name}|${event}|${at(time)}|none|${end}|0`,
    JSON.stringify({ target: 'contoso::network', level: 'INFO', ...payload }),
  ];
}

/** The records of a provisioning of three agents that failed, in the order of the pool. */
export function failedProvisioning(): Line[] {
  ids = 0;
  const [localStart, localEnd] = stage('init-local', 'searching for local datasources', 8.1, 13.9);
  const [searchStart, searchEnd] = stage(
    'init-local/search-AzureLocal',
    'searching for local data from DataSourceAzure',
    8.4,
    13.8,
  );
  const [leaseStart, leaseEnd] = stage('azure-ds/obtain_lease', 'obtain dhcp lease', 8.6, 9.9);
  const [imdsStart, imdsEnd] = stage('azure-ds/get_metadata_from_imds', 'get_metadata_from_imds', 10.1, 13.2);
  const telemetry = `kernel_start=${at(0)} user_start=${at(2.512)} cloudinit_activation=${at(7.95)}`;
  const event = (fields: object, more: object = {}): object => ({ fields, ...more });
  const [root, network, first, second, third, tidy] = [id(), id(), id(), id(), id(), id()];
  const reason = 'no lease on eth0 after 3 attempts';
  const report = formatReport({
    result: 'error',
    reason,
    agent: 'contoso-agent/2.3.0',
    interface: 'eth0',
    attempts: 3,
    traceback_base64: Buffer.from(
      'Traceback (most recent call last):\n  File "agent.py", line 41, in lease\n    raise TimeoutError("no answer in 4 s")\nTimeoutError: no answer in 4 s\n',
    ).toString('base64'),
    pps_type: 'None',
    vm_id: VM,
    timestamp: at(31.9),
    documentation_url: 'https://aka.ms/linuxprovisioningerror',
  });
  const attempt = (number: number, span: string, from: number, sources: string[]): Line[] => [
    ours('start', 'dhcp', span, from, event({ interface: 'eth0', attempt: number }, { parent: network })),
    ours(
      'event',
      'dhcp',
      id(),
      from + 2,
      event({ message: 'still waiting for an offer', xid: 4711 + number }, { span, level: 'WARN' }),
    ),
    ours(
      'finish',
      'dhcp',
      span,
      from + 4,
      {
        fields: { interface: 'eth0', attempt: number },
        reason: 'no answer in 4 s',
        'reason.sources': sources,
      },
      'fail|4.000213',
    ),
  ];
  return [
    localStart,
    searchStart,
    cloudInitEvent('boot-telemetry', 'boot-telemetry', telemetry, 8.5),
    leaseStart,
    leaseEnd,
    imdsStart,
    cloudInitEvent(
      'diagnostic',
      'diagnostic message',
      'Failed HTTP request with Azure endpoint http://169.254.169.254/metadata/instance during attempt 1: timed out',
      12.1,
    ),
    imdsEnd,
    searchEnd,
    localEnd,
    azureInit(
      'INFO',
      'configure_ssh_keys',
      `Time: ${at(14.9)} | Event: message=Configuring SSH keys, user="azureuser", key_count=3`,
    ),
    azureInit('INFO', 'user:configure_ssh_keys', `Start: ${at(14.8)} | End: ${at(15.35)}`),
    azureInit('INFO', 'user:provision_user', `Start: ${at(14.2)} | End: ${at(15.9)}`),
    ours('start', 'provision', root, 16, event({ vm_size: 'Standard_D4s_v5' })),
    ours(
      'event',
      'provision',
      id(),
      16.2,
      event({ message: '設定を読み込みました', path: '/etc/contoso/agent.toml' }, { span: root }),
    ),
    ours('start', 'network', network, 16.5, event({}, { parent: root })),
    ...attempt(1, first, 17, ['EAGAIN: link is down']),
    ...attempt(2, second, 22, []),
    ...attempt(3, third, 27, ['ETIMEDOUT: recvfrom', 'link eth0 has no carrier']),
    ours(
      'event',
      'network',
      id(),
      31.2,
      event({ message: 'giving up', interface: 'eth0' }, { span: network, level: 'ERROR' }),
    ),
    ours(
      'finish',
      'network',
      network,
      31.3,
      { fields: {}, reason, 'reason.sources': ['no answer in 4 s', 'ETIMEDOUT: recvfrom'] },
      'fail|14.800114',
    ),
    ours('start', 'tidy_up', tidy, 31.4, event({ folder: '/run/contoso' }, { parent: root })),
    ours(
      'finish',
      'provision',
      root,
      31.8,
      { fields: {}, reason, 'reason.sources': ['no answer in 4 s', 'ETIMEDOUT: recvfrom'] },
      'fail|15.800377',
    ),
    ['PROVISIONING_REPORT', report],
    ['contoso.heartbeat', 'alive'],
  ];
}

/** The bytes of that pool. */
export function failedPool(): Buffer {
  return bytesOf(...failedProvisioning());
}

/** The same pool after the VM was started again a day later, when cloud-init alone wrote. */
export function restartedPool(): Buffer {
  const second = Math.floor(KERNEL_START / 1000);
  const later = (text: string): string =>
    text
      .replaceAll('2026-08-31T', '2026-09-01T')
      .replaceAll(`CLOUD_INIT|${second}`, `CLOUD_INIT|${second + 86_400}`);
  const next = failedProvisioning()
    .filter(([key]) => key.startsWith('CLOUD_INIT'))
    .map(([key, value]): Line => [later(key), later(value)]);
  return Buffer.concat([failedPool(), bytesOf(...next)]);
}
