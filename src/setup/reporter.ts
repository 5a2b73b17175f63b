import { existsSync } from 'node:fs';
import type { Config } from './config.ts';
import { provisioningErrorOf, supportingFields } from '../diagnostics/report/provisioning-error.ts';
import {
  fitReport,
  parseReport,
  type Report,
  REPORT_KEY,
  type ReportExtras,
} from '../diagnostics/report/report.ts';
import { areOfTwoVms } from '../diagnostics/vm-id.ts';
import { isError, KvpError, LayerError, messageOf, OptionError, ReportError } from '../errors.ts';
import { booleanOption, type Checks, readOptions } from '../option.ts';
import type { EmitKVPLayer } from '../layers/emit-kvp-layer.ts';
import { CHANNEL_OPTIONS } from '../layers/channel-options.ts';
import { type PoolIdentity, poolIdentityOf } from '../layers/pool-identity.ts';
import { openPool } from '../pool/open-pool.ts';
import type { PoolStore } from '../pool/pool-store.ts';
import { isWaitedFor } from '../pool/errno.ts';
import { rememberWritten } from '../pool/written-pools.ts';
import { Fields } from '../tracing/fields.ts';
import type { Registry } from '../tracing/registry.ts';
import { target } from '../tracing/target.ts';
import { errorMessage } from '../tracing/value.ts';
import { within } from '../tracing/within.ts';
import { performance } from '../tracing/performance.ts';
import { Date, setTimeout } from '../tracing/timers.ts';

export interface ReportOptions {
  /** Replace another program's report too: one whose `agent` has another name. Default `false`. */
  replace?: boolean | undefined;
}

/** What became of a report. */
export interface ReportOutcome {
  /** Whether it is in the pool. */
  written: boolean;
  /** The report's text, which an agent also sends to the wireserver. */
  text: string;
  /** Names of extras that the report lacks, because a name or value is illegal or there was no room. */
  refused: string[];
  /** Why it was not written, or may not have been. */
  error: Error | undefined;
}

const OPTIONS: Checks<ReportOptions> = { replace: booleanOption };

/** Milliseconds from a call until its flush ends, until the last attempt to write, and until it resolves. */
const FLUSH_TIMEOUT = 1000;
const POOL_TIMEOUT = 1600;
const TIMEOUT = 2000;
/** How long a report waits for a pool that can't be opened where there is no Hyper-V, and how often it tries, in milliseconds. */
const OPEN_TIMEOUT = 200;
const OPEN_PAUSE = 20;
/** Where Linux shows what a Hyper-V host gives a guest. */
const HYPERV = '/sys/bus/vmbus';

/** The limit of keys does not apply to a report. */
const KEYS_MAX = Number.MAX_SAFE_INTEGER;

const log = target('kvp_tracing');

/**
 * Writes the pool's `PROVISIONING_REPORT`. The filter, the queue and the budget of the pool's layer do not apply.
 *
 * @internal
 */
export class Reporter {
  readonly #subscriber: Registry;
  readonly #config: Config;
  readonly #layer: EmitKVPLayer | undefined;
  #identity: PoolIdentity | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(subscriber: Registry, config: Config, layer: EmitKVPLayer | undefined) {
    this.#subscriber = subscriber;
    this.#config = config;
    this.#layer = layer;
    this.#identity = layer?.identity;
  }

  success(extras?: ReportExtras, options?: ReportOptions): Promise<ReportOutcome> {
    return this.#report({ result: 'success' }, Fields.all(extras), options);
  }

  failure(thrown: unknown, extras?: ReportExtras, options?: ReportOptions): Promise<ReportOutcome> {
    const error = provisioningErrorOf(this.#withoutSecrets(thrown));
    const { reason, documentationUrl } = error;
    const data = supportingFields(error);
    data.merge(Fields.all(extras));
    return this.#report({ result: 'error', reason, documentation_url: documentationUrl }, data, options);
  }

  /** What was thrown, redacted. Of an error that is too large to be looked through the message stays. */
  #withoutSecrets(thrown: unknown): unknown {
    const safe = this.#subscriber.redacted(thrown);
    return isError(thrown) && !isError(safe) ? new Error(errorMessage(thrown)) : safe;
  }

  async #report(own: ReportExtras, extras: Fields, options?: ReportOptions): Promise<ReportOutcome> {
    const outcome: ReportOutcome = { written: false, text: '', refused: [], error: undefined };
    try {
      const began = performance.now();
      const until = began + POOL_TIMEOUT;
      // At early boot the daemon makes the folder and the root is mounted for writing; the report must reach the host.
      const openUntil = existsSync(HYPERV) ? until : began + OPEN_TIMEOUT;
      const { replace = false } = readOptions(OPTIONS, options);
      const replaces = replace || takesReplace(extras);
      Object.assign(outcome, this.#fit(own, extras));
      const flushed = this.#layer?.flush({ timeout: FLUSH_TIMEOUT });
      // One after the other, so that the last call wins.
      const done = Promise.all([this.#last, flushed]).then(() =>
        this.#writeOnceOpen(outcome.text, replaces, until, openUntil),
      );
      this.#last = done.catch(() => {});
      await within(TIMEOUT, done);
      outcome.written = true;
    } catch (error) {
      const message = `the provisioning report may not be written: ${messageOf(error)}`;
      outcome.error = error instanceof KvpError ? error : new LayerError(message, error);
    }
    return outcome;
  }

  /** Makes the text; an event says what the text lacks. */
  #fit(own: ReportExtras, extras: Fields): Pick<ReportOutcome, 'text' | 'refused'> {
    const { agent, vmId } = (this.#identity ??= this.#findIdentity());
    this.#subscriber.redact(extras);
    const timestamp = new Date();
    const fields = { ...own, agent, pps_type: 'None', vm_id: vmId, timestamp };
    const { text, refused, isShortened } = fitReport(fields, extras);
    if ((isShortened || refused.length > 0) && !this.#subscriber.isShutDown) {
      const lacks = { ...(isShortened && { reason: own['reason'] }), ...(refused.length > 0 && { refused }) };
      log.warn(lacks, 'the provisioning report lacks a part of what it was to say');
    }
    return { text, refused };
  }

  #findIdentity(): PoolIdentity {
    const { kvp, agent, onProblem } = this.#config;
    return poolIdentityOf(kvp || readOptions(CHANNEL_OPTIONS, { agent, onProblem }));
  }

  /** Writes as soon as the pool can be opened, behind what was emitted before. */
  async #writeOnceOpen(text: string, replaces: boolean, until: number, openUntil: number): Promise<void> {
    for (;;) {
      try {
        return await this.#write(text, replaces, until);
      } catch (error) {
        if (!isWaitedFor(error) || performance.now() + OPEN_PAUSE > openUntil) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, OPEN_PAUSE));
      await this.#layer?.flush({ timeout: Math.max(0, openUntil - performance.now()) });
    }
  }

  async #write(text: string, replaces: boolean, until: number): Promise<void> {
    if (this.#config.kvp === false) {
      throw new OptionError('kvp', false, 'the options of a pool for a report to be written');
    }
    const { path, vmId, clearsStale } = this.#identity as PoolIdentity;
    // Another program's report of an earlier boot must not keep this one out.
    // What this process has written is of this boot, whatever the clock says meanwhile.
    if ((this.#layer?.stats().records ?? 0) > 0) rememberWritten(path);
    if (clearsStale) await onPool(path, until, (store) => store.clearOfEarlierBoot());
    if (!replaces) {
      const records = await onPool(path, until, (store) => store.dump());
      for (const { key, value } of records) if (key === REPORT_KEY) checkOwner(path, value, text, vmId);
    }
    await onPool(path, until, (store) => store.set(REPORT_KEY, text));
    rememberWritten(path);
  }
}

/** Takes the option `replace: true` out of the extras; any other value of that name is an extra. */
function takesReplace(extras: Fields): boolean {
  return extras.get('replace') === true && extras.take('replace') === true;
}

async function onPool<R>(path: string, until: number, act: (store: PoolStore) => Promise<R>): Promise<R> {
  const lockTimeout = Math.max(0, until - performance.now());
  const store = openPool(path, { lockTimeout, maxKeys: KEYS_MAX });
  try {
    return await act(store);
  } finally {
    store.close();
  }
}

/** Throws `ReportError` unless the report that is there is of another VM, whose disk this was, or names the same program. */
function checkOwner(path: string, there: string, text: string, vmId: string): void {
  const [other, own] = [reportOf(there), reportOf(text)];
  const isForeign = [vmId, own?.vm_id ?? ''].every((id) => areOfTwoVms(id, other?.vm_id ?? ''));
  if (isForeign || (other !== undefined && programOf(other) === programOf(own))) return;
  const { agent, vm_id: vm, timestamp } = other ?? {};
  const owner = agent === undefined ? 'an unknown program' : JSON.stringify(agent);
  const where = vm === undefined ? 'of an unknown VM' : `of VM ${JSON.stringify(vm)}`;
  const when = timestamp === undefined ? 'without a time' : `of ${JSON.stringify(timestamp)}`;
  const message = `${path} has a report of ${owner}, ${where}, ${when}, not of ${JSON.stringify(programOf(own))}; { replace: true } replaces it`;
  throw new ReportError('ERR_KVP_FOREIGN_REPORT', message, { path });
}

function reportOf(text: string): Report | undefined {
  try {
    return parseReport(text);
  } catch {
    return undefined;
  }
}

/** The name of the program that wrote a report, without its version. */
function programOf(report: Report | undefined): string | undefined {
  return report?.agent?.replace(/\/[^/]*$/, '');
}
