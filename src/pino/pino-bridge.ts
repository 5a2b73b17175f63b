import { EventEmitter } from 'node:events';
import { hostname } from 'node:os';
import { type DestinationStream, symbols } from 'pino';
import { type Checks, readOptions, textOption } from '../option.ts';
import { BoundedCache } from '../tracing/bounded-cache.ts';
import type { LevelName } from '../tracing/level.ts';
import { Span } from '../tracing/span.ts';
import { Target } from '../tracing/target.ts';
import { isRecord } from '../tracing/value.ts';
import { idsOf } from './pino-mixin.ts';
import { parseExactly } from './parse-exactly.ts';
import { isEcho, withoutEcho } from './echo.ts';

export interface PinoBridgeOptions {
  /** The target of the events of loggers without a `name`. Default: that of the free functions. */
  target?: string | undefined;
}

const OPTIONS: Checks<PinoBridgeOptions> = { target: textOption };

/** What pino emits to its destination as `message` with the code `PINO_CONFIG`. */
interface PinoConfig {
  levels: { labels: Record<number, string> };
  messageKey: string;
  errorKey: string;
}

/** Labels that are the same as the event's level. */
const LEVELS: ReadonlySet<string> = new Set(['error', 'warn', 'info', 'debug', 'trace']);

/**
 * A destination for pino, `pino({}, pinoBridge())`. Each line becomes an event of the current subscriber in the current
 * span, with the line's level, bindings and fields. Throws `OptionError`.
 *
 * @example
 * ```ts
 * const logger = pino({ level: 'debug' }, pinoBridge());
 * logger.info({ user: 'alice' }, 'user created'); // an event
 * ```
 */
export function pinoBridge(options?: PinoBridgeOptions): DestinationStream {
  return new PinoBridge(new Target(readOptions(OPTIONS, options).target));
}

class PinoBridge extends EventEmitter implements DestinationStream {
  // Makes pino set `lastLevel` for each line, whatever the formatters make of the level in the line.
  readonly [symbols.needsMetadataGsym] = true;
  lastLevel: number | undefined;
  readonly #default: Target;
  /** The targets of loggers, by their names. */
  readonly #targets = new BoundedCache<Target>();
  #labels: Record<number, string> = {};
  #messageKey = 'msg';
  #errorKey = 'err';

  constructor(target: Target) {
    super();
    this.#default = target;
    this.on('message', ({ code, config }: { code?: string; config?: PinoConfig }) => {
      if (code !== 'PINO_CONFIG' || config === undefined) return;
      this.#labels = config.levels.labels;
      this.#messageKey = config.messageKey;
      this.#errorKey = config.errorKey;
    });
  }

  /** Never throws. */
  write(line: string): void {
    const number = this.lastLevel;
    if (!isEcho()) withoutEcho(() => this.#emitLine(line, number));
  }

  #emitLine(line: string, known: number | undefined): void {
    const members = membersOf(line);
    if (members === undefined) {
      this.#default.event(levelOf(known), line.trimEnd());
      return;
    }
    const number = known ?? members['level'];
    const level = levelOf(number);
    const { name } = members;
    const target = typeof name === 'string' && name !== '' ? this.#target(name) : this.#default;
    if (!target.enabled(level)) return;
    target.event(level, this.#fieldsOf(members, number, target));
  }

  /** The members of a line as fields of an event, without those that the event has by itself. */
  #fieldsOf(members: Record<string, unknown>, number: unknown, target: Target): object {
    const message = take(members, this.#messageKey);
    const error = take(members, this.#errorKey);
    const label = typeof number === 'number' ? this.#labels[number] : undefined;
    for (const own of ['level', 'time']) take(members, own);
    if (target !== this.#default) take(members, 'name');
    if (members['pid'] === process.pid) take(members, 'pid');
    if (members['hostname'] === hostname()) take(members, 'hostname');
    // `pinoMixin` put them there, and layers know the span.
    for (const [name, id] of Object.entries(idsOf(Span.current()))) {
      if (members[name] === id) take(members, name);
    }
    if (message !== undefined) rename(members, 'message', 'message_');
    if (error !== undefined) rename(members, 'error', 'error_');
    return {
      ...(message !== undefined && { message }),
      ...members,
      ...(error !== undefined && { error: errorOf(error) }),
      ...(label !== undefined && !LEVELS.has(label) && { 'pino.level': label }),
    };
  }

  #target(name: string): Target {
    return this.#targets.get(name) ?? this.#targets.add(name, (own) => new Target(own));
  }
}

/** The members of a line; `undefined` if it is no JSON object. */
function membersOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = parseExactly(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The level of one of pino's numbers; fatal is ERROR. */
function levelOf(number: unknown): LevelName {
  if (typeof number !== 'number') return 'info';
  if (number >= 50) return 'error';
  if (number >= 40) return 'warn';
  if (number >= 30) return 'info';
  return number >= 20 ? 'debug' : 'trace';
}

/** An Error with the members that pino's serializer wrote, else the value itself. */
function errorOf(serialized: unknown): unknown {
  if (typeof serialized !== 'object' || serialized === null) return serialized;
  const { type, message, stack, ...rest } = serialized as Record<string, unknown>;
  if (typeof message !== 'string') return serialized;
  const error = new Error(message);
  if (typeof type === 'string') Object.defineProperty(error, 'name', { value: type, configurable: true });
  if (typeof stack === 'string') error.stack = stack;
  for (const name of Object.keys(rest)) {
    Object.defineProperty(error, name, { value: rest[name], configurable: true, enumerable: true });
  }
  return error;
}

function take(members: Record<string, unknown>, name: string): unknown {
  if (!Object.hasOwn(members, name)) return undefined;
  const value = members[name];
  delete members[name];
  return value;
}

function rename(members: Record<string, unknown>, name: string, to: string): void {
  const value = take(members, name);
  let free = to;
  while (Object.hasOwn(members, free)) free += '_';
  if (value !== undefined) members[free] = value;
}
