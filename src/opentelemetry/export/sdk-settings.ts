import { OptionError } from '../../errors.ts';
import type { ProblemHandler } from '../../tracing/problem-handler.ts';
import type { BatchLimits, ProviderConfig, Sampler, Sdk } from '../sdk.ts';
import { settingOf } from '../setting.ts';
import { EXPORT_TIMEOUT } from './otlp-settings.ts';

// SDK 2 reads these variables itself, SDK 3 does not.

/** The sampler that `OTEL_TRACES_SAMPLER` names; `undefined` is the SDK's default. Calls `onProblem` for a value that is ignored. */
function samplerOf(sdk: Sdk, env: NodeJS.ProcessEnv, onProblem: ProblemHandler): Sampler | undefined {
  const given = settingOf(env, 'OTEL_TRACES_SAMPLER');
  if (given === undefined) return undefined;
  const roots: Record<string, () => Sampler> = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: () => new sdk.TraceIdRatioBasedSampler(ratioIn(env, onProblem)),
  };
  const [, prefix, name = ''] = /^(parentbased_)?(.*)$/.exec(given) ?? [];
  const root = Object.hasOwn(roots, name) ? roots[name]?.() : undefined;
  if (root === undefined) {
    const names = Object.keys(roots);
    const all = [...names, ...names.map((each) => `parentbased_${each}`)].join(', ');
    onProblem(OptionError.ignored('OTEL_TRACES_SAMPLER', given, `one of ${all}`));
    return undefined;
  }
  return prefix === undefined ? root : new sdk.ParentBasedSampler({ root });
}

function ratioIn(env: NodeJS.ProcessEnv, onProblem: ProblemHandler): number {
  const given = settingOf(env, 'OTEL_TRACES_SAMPLER_ARG');
  const ratio = Number(given ?? 1);
  if (ratio >= 0 && ratio <= 1) return ratio;
  onProblem(OptionError.ignored('OTEL_TRACES_SAMPLER_ARG', given, 'a number from 0 to 1'));
  return 1;
}

/** The names of limits in the SDK, and their variables, of which the first that is set counts. */
const SPAN_LIMITS = {
  attributeCountLimit: ['OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT', 'OTEL_ATTRIBUTE_COUNT_LIMIT'],
  attributeValueLengthLimit: ['OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT', 'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT'],
  eventCountLimit: ['OTEL_SPAN_EVENT_COUNT_LIMIT'],
  linkCountLimit: ['OTEL_SPAN_LINK_COUNT_LIMIT'],
  attributePerEventCountLimit: [
    'OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT',
    'OTEL_SPAN_ATTRIBUTE_PER_EVENT_COUNT_LIMIT',
  ],
  attributePerLinkCountLimit: ['OTEL_LINK_ATTRIBUTE_COUNT_LIMIT', 'OTEL_SPAN_ATTRIBUTE_PER_LINK_COUNT_LIMIT'],
};

const BATCH_LIMITS = {
  maxQueueSize: ['OTEL_BSP_MAX_QUEUE_SIZE'],
  scheduledDelayMillis: ['OTEL_BSP_SCHEDULE_DELAY'],
  exportTimeoutMillis: ['OTEL_BSP_EXPORT_TIMEOUT'],
  maxExportBatchSize: ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE'],
};

function numbersIn(
  env: NodeJS.ProcessEnv,
  variables: Record<string, readonly string[]>,
  onProblem: ProblemHandler,
): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [limit, names] of Object.entries(variables)) {
    for (const name of names) {
      const given = settingOf(env, name);
      if (given === undefined) continue;
      const number = Number(given);
      if (Number.isSafeInteger(number) && number >= 0) {
        numbers[limit] = number;
        break;
      }
      onProblem(OptionError.ignored(name, given, 'a whole number from 0'));
    }
  }
  return numbers;
}

/** What `OTEL_TRACES_SAMPLER` and `OTEL_*_LIMIT` say of a provider. Calls `onProblem` for a value that is ignored. */
export function providerSettings(
  sdk: Sdk,
  env: NodeJS.ProcessEnv,
  onProblem: ProblemHandler,
): Pick<ProviderConfig, 'sampler' | 'spanLimits'> {
  const sampler = samplerOf(sdk, env, onProblem);
  return { ...(sampler && { sampler }), spanLimits: numbersIn(env, SPAN_LIMITS, onProblem) };
}

/** What `OTEL_BSP_*` says of a batch processor. Calls `onProblem` for a value that is ignored. */
export function batchLimits(env: NodeJS.ProcessEnv, onProblem: ProblemHandler): BatchLimits {
  return { exportTimeoutMillis: EXPORT_TIMEOUT, ...numbersIn(env, BATCH_LIMITS, onProblem) };
}
