import test from 'ava';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { lastBoot } from '../src/diagnostics/summary/last-boot.ts';
import { storedFiles } from '../src/diagnostics/summary/stored-files.ts';
import { summarize } from '../src/diagnostics/summary/summary.ts';
import { processorTime } from './helpers/processor-time.ts';
import { contentOf, event, span, told } from './helpers/told.ts';

const T0 = Date.parse('2026-08-31T12:00:00Z');
const BOOT_1 = new Date(T0);
const BOOT_2 = new Date(T0 + 3_600_000);

function cloudInit(bootTime: Date, name: string, uptime: number, more: Partial<Diagnostic> = {}): Diagnostic {
  const at = bootTime.getTime() + uptime * 1000;
  return told('start', name, at, { format: 'cloud-init', agent: 'cloud-init', bootTime, ...more });
}

test('an empty pool says nothing', (t) => {
  t.deepEqual(summarize(contentOf([])), {
    outcome: 'unknown',
    failed: 0,
    unfinished: 0,
    seconds: 0,
    vmIds: [],
    writers: [],
    records: { total: 0, diagnostics: 0, reports: 0, unknown: 0, problems: 0 },
    problems: [],
    slowest: [],
    dropped: [],
  });
});

test('the last report decides, and tells its supporting data; a traceback is decoded', (t) => {
  const traceback = Buffer.from('Traceback:\n  ValueError("é")\n').toString('base64');
  const summary = summarize(
    contentOf(
      span('provision', T0, T0 + 1000),
      'result=success|agent=a/1|pps_type=None|vm_id=vm|timestamp=2026-08-31T12:00:01Z',
      `result=error|reason=no lease|agent=a/2|interface=eth0|traceback_base64=${traceback}|vm_id=vm|timestamp=2026-08-31T12:00:02|documentation_url=https://example.com`,
    ),
  );
  t.like(summary, { outcome: 'failure', reason: 'no lease', failed: 0, vmIds: ['vm'] });
  t.deepEqual(
    { ...summary.report, supportingData: { ...summary.report?.supportingData } },
    {
      result: 'error',
      reason: 'no lease',
      agent: 'a/2',
      vmId: 'vm',
      time: new Date(T0 + 2000),
      documentationUrl: 'https://example.com',
      supportingData: { interface: 'eth0' },
      traceback: 'Traceback:\n  ValueError("é")\n',
      truncated: false,
      records: summary.report?.records as number[],
    },
  );
  t.notThrows(() => structuredClone(summary));
});

test('a traceback has the time of its report, which is UTC wherever it is read', (t) => {
  const { TZ } = process.env;
  t.teardown(() => {
    if (TZ === undefined) delete process.env['TZ'];
    else process.env['TZ'] = TZ;
  });
  process.env['TZ'] = 'America/New_York';
  t.is(new Date('2026-08-31T12:00:02').getUTCHours(), 16);
  for (const [timestamp, time] of [
    ['2026-08-31T12:00:02', new Date(T0 + 2000)],
    ['2026-08-31T12:00:02.5Z', new Date(T0 + 2500)],
    ['2026-08-31T14:00:02+02:00', new Date(T0 + 2000)],
    ['yesterday', undefined],
  ] as const) {
    const content = contentOf([], `result=error|traceback_base64=eA==|timestamp=${timestamp}`);
    t.deepEqual(
      storedFiles(content).map((file) => file.time),
      [time],
    );
  }
});

test('without a report the spans decide', (t) => {
  const failed = { result: 'fail', reason: 'no route' } as const;
  const outcomeOf = (...diagnostics: Diagnostic[]) => {
    const { outcome, reason } = summarize(contentOf(diagnostics));
    return reason === undefined ? outcome : `${outcome}: ${reason}`;
  };
  t.is(outcomeOf(...span('a', 0, 9)), 'success');
  t.is(outcomeOf(...span('a', 0, 9, failed)), 'failure: no route');
  t.is(outcomeOf(...span('a', 0, 9, { result: 'fail' })), 'failure: a failed');
  t.is(outcomeOf(...span('a', 0, 9), told('start', 'b', 3)), 'unfinished: b did not end');
  t.is(outcomeOf(event('x', 1)), 'unknown');
  // What a span around it made good.
  t.is(outcomeOf(...span('a', 0, 9), ...span('b', 1, 2, { ...failed, parent: 'a' })), 'success');
  // A later try.
  t.is(outcomeOf(...span('a', 0, 1, { ...failed, id: '1' }), ...span('a', 2, 3, { id: '2' })), 'success');
  // What ran at the same time is no later try, but one of something else.
  for (const [from, to] of [
    [2, 9],
    [1, 9],
    [4, 5],
  ] as const) {
    const first = [
      ...span('mount', 1, 5, { ...failed, id: 'sda' }),
      ...span('mount', from, to, { id: 'sdb' }),
    ];
    t.is(outcomeOf(...first), 'failure: no route');
    t.is(outcomeOf(...first, ...span('mount', 5, 9, { id: 'retry' })), 'success');
  }
  // Nobody knows whether the span around it would have gone well.
  t.is(
    outcomeOf(told('start', 'a', 0), ...span('b', 1, 2, { ...failed, parent: 'a' })),
    'unfinished: a did not end; before that: no route',
  );
});

test('what failed first is the deepest span that others failed because of', (t) => {
  const fail = (name: string, from: number, to: number, parent?: string, reason?: string) =>
    span(name, from, to, {
      result: 'fail',
      ...(parent !== undefined && { parent }),
      ...(reason !== undefined && { reason, sources: [`cause of ${reason}`] }),
    });
  const { firstFailure, failed } = summarize(
    contentOf([
      ...fail('provision', 0, 100, undefined, 'no lease'),
      ...fail('tidy', 5, 10, 'provision', 'nothing to tidy'),
      ...fail('network', 10, 90, 'provision', 'no lease'),
      ...fail('dhcp', 20, 80, 'network', 'no lease'),
      ...fail('other', 95, 99),
    ]),
  );
  t.is(failed, 5);
  t.deepEqual(firstFailure, {
    name: 'dhcp',
    agent: 'agent/1',
    id: 'dhcp',
    path: ['provision', 'network', 'dhcp'],
    time: new Date(80),
    duration: 0.06,
    reason: 'no lease',
    sources: ['cause of no lease'],
    carried: ['network', 'provision'],
  });
});

test('a failure without a reason has that of its first event at level ERROR', (t) => {
  const { reason } = summarize(
    contentOf([
      ...span('a', 0, 9, { result: 'fail' }),
      event('fine', 1, { span: 'a' }),
      event('disk full', 2, { span: 'a', level: 'ERROR' }),
    ]),
  );
  t.is(reason, 'disk full');
});

test('records of an earlier boot are set apart by the boot that cloud-init records', (t) => {
  const content = contentOf([
    cloudInit(BOOT_1, 'init-local', 5),
    ...span('old', T0 + 6000, T0 + 7000, { result: 'fail' }),
    cloudInit(BOOT_2, 'init-local', 4),
    ...span('new', BOOT_2.getTime() + 6000, BOOT_2.getTime() + 7000),
  ]);
  const { earlier, bootTime, failed } = summarize(content);
  t.deepEqual(earlier, { records: 3, start: new Date(T0 + 5000), end: new Date(T0 + 7000), vmIds: ['vm'] });
  t.deepEqual([bootTime, failed], [BOOT_2, 0]);
  t.is(summarize(lastBoot(content).earlier).failed, 1);
});

test('a clock that is set between two stages of cloud-init makes no other boot', (t) => {
  for (const step of [7200, -7200, 1]) {
    const later = new Date(T0 + step * 1000);
    const content = contentOf([
      cloudInit(BOOT_1, 'init-local', 5),
      ...span('agent', T0 + 6000, T0 + 7000),
      cloudInit(later, 'init-network', 9),
      cloudInit(later, 'modules-config', 12),
      ...span('agent2', later.getTime() + 13_000, later.getTime() + 14_000),
    ]);
    t.is(summarize(content).earlier, undefined, `${step}`);
  }
});

test('a boot whose first records are lost is told apart from the next one', (t) => {
  // What is left of a boot, and what the next boot starts with.
  for (const [name, kind, next] of [
    ['init-local', 'finish', 'init-local'],
    ['init-local/check-cache', 'start', 'init-local'],
    ['azure-ds/get_metadata_from_imds', 'finish', 'init-local'],
    ['boot-telemetry', 'event', 'init-local'],
    ['modules-final', 'finish', 'init-local'],
    ['modules-final/config-scripts-user', 'start', 'init-network'],
    ['modules-config', 'finish', 'modules-config'],
    ['modules-init', 'finish', 'modules-init'],
  ] as const) {
    const content = contentOf([
      cloudInit(BOOT_1, name, 5, { kind }),
      ...span('old', T0 + 6000, T0 + 7000, { result: 'fail' }),
      cloudInit(BOOT_2, next, 9),
      ...span('new', BOOT_2.getTime() + 10_000, BOOT_2.getTime() + 11_000),
    ]);
    const { earlier, bootTime, failed } = summarize(content);
    t.deepEqual([earlier?.records, bootTime, failed], [3, BOOT_2, 0], name);
  }
  // The clock was set between two stages of one boot.
  for (const [name, next] of [
    ['init-local/check-cache', 'init-network'],
    ['azure-ds/crawl_metadata', 'init-network/check-cache'],
    ['init-network', 'modules-final'],
    ['modules-init', 'modules-config'],
  ] as const) {
    const content = contentOf([
      cloudInit(BOOT_1, name, 5, { kind: 'finish' }),
      cloudInit(BOOT_2, next, 9),
      ...span('new', BOOT_2.getTime() + 10_000, BOOT_2.getTime() + 11_000),
    ]);
    t.is(summarize(content).earlier, undefined, name);
  }
});

test('the boot time that is given decides, also that all is of an earlier boot', (t) => {
  const content = contentOf(
    [cloudInit(BOOT_1, 'init-local', 5), ...span('a', T0 + 6000, T0 + 7000)],
    'result=error|reason=old|agent=a/1|pps_type=None|vm_id=vm|timestamp=2026-08-31T12:00:08Z',
  );
  t.is(summarize(content, { bootTime: BOOT_1 }).outcome, 'failure');
  t.like(summarize(content, { bootTime: BOOT_2 }), { outcome: 'unknown', earlier: { records: 4 } });
});

test("what another VM wrote is set apart; ids are compared as the host does, and one that is not known is this VM's", (t) => {
  const content = contentOf([
    ...span('a', 0, 1, { vmId: 'AAAA' }),
    ...span('b', 0, 1, { vmId: '' }),
    ...span('c', 0, 1, { vmId: '00000000-0000-0000-0000-000000000000' }),
    ...span('d', 0, 1, { vmId: 'bbbb', result: 'fail' }),
  ]);
  t.is(summarize(content).outcome, 'failure');
  t.like(summarize(content, { vmId: 'aaaa' }), {
    outcome: 'success',
    otherVms: { records: 2, vmIds: ['bbbb'] },
  });
});

test("an id that a program read from the firmware of a generation 1 VM is this VM's", (t) => {
  const vmId = '01234567-89AB-cdef-0123-456789abcdef';
  const ofFirmware = '67452301-ab89-efcd-0123-456789ABCDEF';
  const other = '67452301-ab89-efcd-0123-456789abcde0';
  const content = contentOf(
    [
      ...span('a', 0, 1, { vmId }),
      ...span('b', 0, 1, { vmId: ofFirmware }),
      ...span('c', 0, 1, { vmId: other }),
    ],
    `result=success|agent=a/1|pps_type=None|vm_id=${ofFirmware}|timestamp=2026-08-31T12:00:01Z`,
  );
  for (const own of [vmId, ofFirmware]) {
    t.like(summarize(content, { vmId: own }), {
      outcome: 'success',
      otherVms: { records: 2, vmIds: [other] },
    });
  }
});

test("cloud-init's boot telemetry says when the kernel and userspace started", (t) => {
  const message =
    'kernel_start=2026-08-31T12:00:00.250000Z user_start=2026-08-31T12:00:02.500000+00:00 cloudinit_activation=2026-08-31T12:00:04Z';
  const told = { format: 'cloud-init', name: 'boot-telemetry', bootTime: BOOT_1 } as const;
  t.like(summarize(contentOf([event(message, T0 + 9000, told)])), {
    bootTime: new Date(T0 + 250),
    kernelStart: new Date(T0 + 250),
    userspaceStart: new Date(T0 + 2500),
    cloudInitStart: new Date(T0 + 4000),
  });
  const wrong = event('kernel_start=2999-01-01T00:00:00Z user_start=x', T0 + 9000, told);
  const summary = summarize(contentOf([wrong]));
  t.deepEqual([summary.kernelStart, summary.userspaceStart], [undefined, undefined]);
});

test('the defect that stops the host, what was dropped, and who wrote are said', (t) => {
  const content = contentOf([
    ...span('a', 0, 1, { agent: 'two/1' }),
    event('3 records dropped', 2, { name: 'telemetry:dropped', fields: { budget: { INFO: 3 } } }),
  ]);
  const summary = summarize(content, {
    defects: [
      { record: 2, reason: 'missing_nul', field: 'key' },
      { record: 7, reason: 'invalid_utf8', field: 'value' },
    ],
  });
  t.deepEqual(summary.defects, {
    count: 2,
    stop: { record: 7, reason: 'invalid_utf8', field: 'value' },
  });
  t.deepEqual(summary.dropped, [
    { agent: 'agent/1', message: '3 records dropped', fields: { budget: { INFO: 3 } } },
  ]);
  t.deepEqual(
    summary.writers.map(({ agent, records }) => [agent, records]),
    [
      ['two/1', 2],
      ['agent/1', 1],
    ],
  );
});

test('what was dropped can be carried by JSON, however deep it is nested', (t) => {
  for (const depth of [3, 999, 5000, 6000, 100_000]) {
    const text = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const fields = { budget: JSON.parse(text) as unknown, records: 3 };
    const summary = summarize(contentOf([event('3 dropped', 2, { name: 'telemetry:dropped', fields })]));
    t.notThrows(() => JSON.stringify(summary), `${depth}`);
    t.is(summary.dropped[0]?.fields['records'], 3);
    t.is(typeof summary.dropped[0]?.fields['budget'], depth < 1000 ? 'object' : 'string');
  }
});

test('20,000 spans, 10,000 deep, are summarized at once', (t) => {
  const failed = { result: 'fail', reason: 'x' } as const;
  const diagnostics = Array.from({ length: 10_000 }, (_, i) => [
    ...span(`s${i}`, i, 40_000 - i, { ...failed, ...(i > 0 && { parent: `s${i - 1}` }) }),
    ...span(`w${i}`, i, i + 1, failed),
  ]).flat();
  const before = processorTime();
  const { firstFailure, slowest } = summarize(contentOf(diagnostics));
  t.is(firstFailure?.name, 'w0');
  t.is(slowest.length, 3);
  t.true(processorTime() - before < 3000);
});
