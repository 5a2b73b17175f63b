import { formatReport, openPool, vmId } from 'kvp-tracing';

const boot = Date.now() - 9000;
const at = (seconds) => new Date(boot + seconds * 1000).toISOString();
const record = (type, name, seconds, more = {}) => ({
  key: `CLOUD_INIT|${Math.floor(boot / 1000)}|${type}|${name}|${crypto.randomUUID()}`,
  value: JSON.stringify({ name, type, ts: at(seconds).replace('Z', '+00:00'), ...more, msg: name }),
});

const pool = openPool(process.env.POOL);
await pool.append([
  record('start', 'init-network', 1),
  record('start', 'init-network/search-Azure', 2),
  record('finish', 'init-network/search-Azure', 4, { result: 'SUCCESS', duration: 2 }),
  record('finish', 'init-network', 5, { result: 'SUCCESS', duration: 4 }),
  {
    key: 'PROVISIONING_REPORT',
    value: formatReport({
      result: 'success',
      agent: 'Cloud-Init/26.2',
      pps_type: 'None',
      vm_id: vmId(),
      timestamp: at(6),
    }),
  },
]);
pool.close();
