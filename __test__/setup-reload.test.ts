import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { OptionError } from '../src/errors.ts';
import { StderrLayer } from '../src/layers/stderr-layer.ts';
import { target } from '../src/tracing/target.ts';
import { folderOf, poolOf } from './helpers/pool-folder.ts';
import { forgetSetUp, linesOf, messagesIn, OFF, setUp } from './helpers/set-up.ts';

const log = target('agent');

test.beforeEach(forgetSetUp);

test.serial('reload changes filters and adds the log file while spans are open', async (t) => {
  const [path, file] = [poolOf(t), join(folderOf(t), 'agent.log')];
  const writer = linesOf();
  const { tracing, problems } = await setUp(t, { kvp: { path, vmId: 'vm' }, stderr: { writer } });
  await log.inSpan('long', async () => {
    log.debug('before');
    await tracing.reload({ kvp: 'debug', stderr: 'debug', file: { path: file, filter: 'debug' } });
    log.debug('after');
    await tracing.reload({ file: { filter: 'off' } });
    log.error('last');
  });
  t.true((await tracing.shutdown()).complete);
  const { diagnostics } = readDiagnosticsSync(path);
  t.deepEqual(
    diagnostics.filter(({ kind }) => kind === 'event').map(({ message }) => message),
    ['after', 'last'],
  );
  t.deepEqual(messagesIn(writer.lines.join('')), ['after', 'last']);
  t.deepEqual(messagesIn(readFileSync(file, 'utf8')), ['after']);
  t.deepEqual(problems, []);
});

test.serial('a reload with a wrong value changes nothing, the value is named', async (t) => {
  const file = join(folderOf(t), 'agent.log');
  const { tracing, names } = await setUp(t, { ...OFF, stderr: { writer: linesOf(), filter: 'info' }, file });
  const wrong: [object, RegExp][] = [
    [{ stderr: 'off', kvp: 'loud' }, /^kvp must be /],
    [{ stderr: 'off', file: { path: '' } }, /^file\.path must be /],
    [{ stderr: 'off', file: { path: file } }, /^file\.path must be left out: there is a log file already/],
    [{ stderr: 'off', file }, /^file\.path must be left out: there is a log file already/],
    [{ stderr: 'off', file: { filter: 'loud' } }, /^file\.filter must be /],
    [
      { stderr: 'off', sterr: 'info' },
      /^changes must be of kvp, opentelemetry, stderr and file, not "sterr"; did you mean changes\.stderr\?$/,
    ],
  ];
  for (const [changes, message] of wrong) {
    await t.throwsAsync(tracing.reload(changes), { instanceOf: OptionError, message });
  }
  t.true(log.enabled('info'));
  t.deepEqual(names(), ['StderrLayer', 'StderrLayer 2']);
});

test.serial('a log file that reload adds is there once, is made first, and not after the end', async (t) => {
  const [file, other] = [join(folderOf(t), 'agent.log'), join(folderOf(t), 'other.log')];
  const { tracing } = await setUp(t, { ...OFF, stderr: { writer: linesOf() } });
  const wrong = { stderr: 'debug', file: { path: file, format: 'xml' } } as never;
  await t.throwsAsync(tracing.reload(wrong), { instanceOf: OptionError });
  await t.throwsAsync(tracing.reload({ stderr: 'debug', file: '/proc/none/agent.log' }), { code: 'ENOENT' });
  t.false(log.enabled('debug'));
  const both = await Promise.allSettled([tracing.reload({ file }), tracing.reload({ file: other })]);
  t.deepEqual(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  log.info('once');
  await tracing.shutdown();
  t.deepEqual(messagesIn(readFileSync(file, 'utf8')), ['once']);
  await t.throwsAsync(tracing.reload({ stderr: 'info' }), { code: 'ERR_KVP_CLOSED' });
});

test.serial('a filter of the environment stays, whatever options and reloads say', async (t) => {
  const writer = linesOf();
  const path = poolOf(t);
  const env = { AZURE_INIT_LOG: 'debug', AZURE_INIT_KVP_FILTER: 'error' };
  const options = { kvp: { path, vmId: 'vm', filter: 'trace' }, stderr: { writer, filter: 'off' } } as const;
  const { tracing } = await setUp(t, options, env);
  await tracing.reload({ kvp: 'trace', stderr: 'off' });
  log.debug('to stderr');
  log.error('to both');
  await tracing.shutdown();
  t.deepEqual(messagesIn(writer.lines.join('')), ['to stderr', 'to both']);
  t.is(readDiagnosticsSync(path).diagnostics.length, 1);
});

for (const format of ['full', 'json'] as const) {
  test.serial(
    `a log file that reload adds takes the place of one that was left out: ${format}`,
    async (t) => {
      const folder = folderOf(t);
      const [file, other] = [join(folder, 'agent.log'), join(folder, 'other.log')];
      const stderr = { writer: linesOf() };
      const { tracing, names } = await setUp(t, { ...OFF, stderr, file: { path: folder, format } });
      const layer = format === 'json' ? 'JsonLayer' : 'StderrLayer 2';
      t.deepEqual(names(), ['StderrLayer', layer]);
      t.false((await tracing.flush()).complete);
      await log.inSpan('long', async () => {
        await t.throwsAsync(tracing.reload({ file: folder }), { code: 'EISDIR' });
        t.true('leftOut' in (tracing.stats()[layer] as object));
        await tracing.reload({ file: { path: file, format } });
        log.info('there');
      });
      t.deepEqual(names(), ['StderrLayer', layer]);
      t.false('leftOut' in (tracing.stats()[layer] as object));
      t.true((await tracing.flush()).complete);
      await t.throwsAsync(tracing.reload({ file: other }), { instanceOf: OptionError });
      t.true((await tracing.shutdown()).complete);
      t.regex(readFileSync(file, 'utf8'), /there/);
    },
  );
}

test.serial('a log file that reload adds keeps the names of the layers apart', async (t) => {
  const folder = folderOf(t);
  const layers = [new StderrLayer({ writer: linesOf() })];
  const { tracing, names } = await setUp(t, { ...OFF, stderr: { writer: linesOf() }, file: folder, layers });
  await tracing.reload({ file: join(folder, 'agent.log') });
  t.deepEqual(names(), ['StderrLayer', 'StderrLayer 2', 'StderrLayer 3']);
});
